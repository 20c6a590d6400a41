"""The emulated AWS of the aws tests: moto, with the calls that this project needs and moto lacks. Usage: as moto_server.

`EMULATOR_BASE` can name a script with further fixes of moto.
"""

import os
import re
import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
if base := os.environ.get("EMULATOR_BASE"):
    runpy.run_path(base)

import account_limits  # noqa: E402, F401
import cache_parameters  # noqa: E402, F401
import delete_markers  # noqa: E402, F401
import file_systems  # noqa: E402, F401
import image_scans  # noqa: E402, F401
import instance_refreshes  # noqa: E402, F401
import parameters  # noqa: E402, F401
import replication_groups  # noqa: E402, F401
import resource_counts  # noqa: E402, F401

# With EMULATOR_TASKS=1, ECS runs its tasks. Otherwise, services have deployments without tasks.
if os.environ.get("EMULATOR_TASKS") == "1":
    import tasks.api  # noqa: E402, F401
    from tasks import object_store

    object_store.Handler.moto_port = int(sys.argv[sys.argv.index("-p") + 1])
else:
    import services  # noqa: E402, F401

# After them, because it checks a call before they handle it.
import tasks.refusals  # noqa: E402, F401

from moto.elasticache import models as elasticache  # noqa: E402

# moto accepts the ARNs of users and groups only. The provider reads the tags of every resource that it creates.
elasticache.ElastiCacheBackend.arn_regex = property(
    lambda self: re.compile("^arn:aws:elasticache:"), lambda self, value: None
)

if __name__ == "__main__":
    import signal

    import moto.server

    def end(*_) -> None:
        """Ends once, although the signal can come several times. The exit handlers remove what tasks have created."""
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, signal.SIG_IGN)
        if "tasks.loop" in sys.modules:
            sys.modules["tasks.loop"].ENDED.set()
            sys.modules["tasks.containers"].remove_containers()  # so that no stop waits for its timeout
        sys.exit(0)

    moto.server.signal_handler = end  # which main() installs
    moto.server.main()
