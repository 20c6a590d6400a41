"""Where the endpoints of the emulated AWS are on this machine: EMULATOR_ADDRESSES, a JSON file with `{"HOST:PORT": "ADDRESS:PORT"}`.

A client of the test connects to the address, and uses the host name for everything else.
"""

import json
import os
import threading
from pathlib import Path

_known: dict[str, str] = {}
_lock = threading.Lock()


def publish(host: str, port: int, address: tuple) -> None:
    with _lock:
        _known[f"{host}:{port}"] = f"{address[0]}:{address[1]}"
        if path := os.environ.get("EMULATOR_ADDRESSES"):
            temporary = Path(f"{path}.new")
            temporary.write_text(json.dumps(_known))
            temporary.rename(path)
