"""Removes every program except Python, the init, and those in KEEP_PROGRAMS. Runs as root, in a stage whose files are copied as a whole afterwards."""

import os
import re
from pathlib import Path

PROGRAM_FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/libexec")
KEPT = re.compile(r"python3?(\.\d+)?|tini")
KEEP_PROGRAMS = os.environ.get("KEEP_PROGRAMS", "").split()

for folder in PROGRAM_FOLDERS:
    for path in Path(folder).glob("**/*"):
        if not KEPT.fullmatch(path.name) and path.name not in KEEP_PROGRAMS and (path.is_symlink() or path.is_file()):
            path.unlink(missing_ok=True)
