"""The emulated AWS of the stack tests: moto, with what this project needs beyond it (usage: as moto_server).

`EMULATOR_BASE` names a script with further repairs of moto, if there is one.
"""

import os
import re
import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
if base := os.environ.get("EMULATOR_BASE"):
    runpy.run_path(base)

import cache_parameters  # noqa: E402, F401
import file_systems  # noqa: E402, F401
import parameters  # noqa: E402, F401
import replication_groups  # noqa: E402, F401
import services  # noqa: E402, F401
import things  # noqa: E402, F401

from moto.elasticache import models as elasticache  # noqa: E402

# moto knows the ARNs of users and groups only; the provider reads the tags of all that it makes.
elasticache.ElastiCacheBackend.arn_regex = property(
    lambda self: re.compile("^arn:aws:elasticache:"), lambda self, value: None
)

if __name__ == "__main__":
    from moto.server import main

    main()
