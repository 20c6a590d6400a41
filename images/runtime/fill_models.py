"""Fetches the models that MODELS names into HF_HOME, a volume that all tasks share.

MODELS: Hugging Face ids, OWNER/NAME or OWNER/NAME@REVISION, with commas between them. A model is fetched once and then left as it is;
another revision is another model. Safe to run again, and by two tasks at once: one waits for the other and finds everything there.
"""

import fcntl
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

HOME = Path(os.environ.get("HF_HOME", "/models/huggingface"))
# What was fetched whole: for each model a file with the path of its files. The hub's own cache can't tell a model from a part of it.
FILLED = HOME / "filled"


def say(line: str) -> None:
    print(f"fill-models: {line}", flush=True)


def fetcher():
    """The hub's client, which is no dependency of the runtime: transformers brings it."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        sys.exit(f"fill-models: MODELS is set, but this image has no {error.name}, which transformers brings")
    return snapshot_download


@contextmanager
def alone():
    """One run at a time. A lock of POSIX holds between hosts too, on NFS 4 as EFS speaks it, and ends with its process. The hub's own
    locks guard single files: two runs would share the work, and neither could say that a model is whole."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "fill-models.lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("waiting for another run")
            fcntl.lockf(lock, fcntl.LOCK_EX)
        yield


def size(folder: Path) -> str:
    return f"{sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) / 1e6:.1f} MB"


def fill(model: str, fetch) -> None:
    """@raises whatever the hub's client raises"""
    mark = FILLED / f"{quote(model, safe='@')}.path"
    if mark.exists() and Path(folder := mark.read_text()).is_dir():
        say(f"{model}: already there, {size(Path(folder))}")
        return
    begun = time.monotonic()
    name, _, revision = model.partition("@")
    folder = fetch(repo_id=name, revision=revision or None)
    FILLED.mkdir(exist_ok=True)
    new = mark.with_suffix(".new")
    new.write_text(folder)
    new.replace(mark)  # all or nothing
    say(f"{model}: fetched, {size(Path(folder))} in {time.monotonic() - begun:.1f} s")


def main() -> None:
    models = [name.strip() for name in os.environ.get("MODELS", "").split(",") if name.strip()]
    if not models:
        say("MODELS is empty: nothing to fetch")
        return
    fetch = fetcher()
    failed = []
    with alone():
        for model in models:
            try:
                fill(model, fetch)
            except Exception as error:  # one that is gone or closed must not keep back the others
                failed.append(model)
                reason = next(iter(str(error).splitlines()), "")
                say(f"{model}: failed: {type(error).__name__}: {reason}")
    if failed:
        sys.exit(f"fill-models: not fetched: {', '.join(failed)}")


if __name__ == "__main__":
    main()
