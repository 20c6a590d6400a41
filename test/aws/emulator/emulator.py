"""The emulated AWS of the lab, with what this project needs beyond it (usage: as moto_server).

`LAB_AWS_EMULATOR` names it; `LAB_AWS_BASE` is the emulator that it adds to.
"""

import os
import re
import runpy
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here))
runpy.run_path(os.environ.get("LAB_AWS_BASE") or str(here.parents[3] / "shared" / "lab" / "aws-emulator.py"))

import cache_parameters  # noqa: E402, F401
import services  # noqa: E402, F401

from moto.elasticache import models as elasticache  # noqa: E402

# moto knows the ARNs of users and groups only; the provider reads the tags of all that it makes.
elasticache.ElastiCacheBackend.arn_regex = property(
    lambda self: re.compile("^arn:aws:elasticache:"), lambda self, value: None
)

if __name__ == "__main__":
    from moto.server import main

    main()
