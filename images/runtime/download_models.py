"""Downloads the models that MODELS names to HF_HOME, which is on a volume that all tasks share.

MODELS: Hugging Face ids separated by commas, as OWNER/NAME or OWNER/NAME@REVISION. Each model is downloaded once and not updated
afterwards; another revision counts as another model. It is safe to run this again or in two tasks at the same time: the second
task waits and then finds the complete model.
"""

import fcntl
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

HOME = Path(os.environ.get("HF_HOME", "/models/huggingface"))
# One file for each complete model, with the path of its folder. The cache of the Hugging Face client does not tell a complete
# model from a partial one.
COMPLETE = HOME / "complete"


def log(line: str) -> None:
    print(f"download-models: {line}", flush=True)


def downloader():
    """The download function of the Hugging Face client, which is not a dependency of this script: transformers installs it."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        sys.exit(f"download-models: MODELS is set, but this image does not contain {error.name}, a dependency of transformers")
    return snapshot_download


@contextmanager
def exclusive():
    """Allows one run at a time. A POSIX lock also works between machines on NFS 4, which EFS uses, and is released when its process
    exits. The client's own locks protect single files: two runs would share the work, and neither would know when a model is
    complete."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "download-models.lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            log("waiting for another run")
            fcntl.lockf(lock, fcntl.LOCK_EX)
        yield


def size(folder: Path) -> str:
    return f"{sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) / 1e6:.1f} MB"


def ensure(model: str, download) -> None:
    """Downloads a model unless it is complete. Raises the exceptions of the client."""
    marker = COMPLETE / f"{quote(model, safe='@')}.path"
    if marker.exists() and Path(folder := marker.read_text()).is_dir():
        log(f"{model}: already downloaded, {size(Path(folder))}")
        return
    start = time.monotonic()
    name, _, revision = model.partition("@")
    folder = download(repo_id=name, revision=revision or None)
    COMPLETE.mkdir(exist_ok=True)
    new = marker.with_suffix(".new")
    new.write_text(folder)
    new.replace(marker)  # atomic
    log(f"{model}: downloaded, {size(Path(folder))} in {time.monotonic() - start:.1f} s")


def main() -> None:
    models = [name.strip() for name in os.environ.get("MODELS", "").split(",") if name.strip()]
    if not models:
        log("MODELS is empty: nothing to download")
        return
    download = downloader()
    failed = []
    with exclusive():
        for model in models:
            try:
                ensure(model, download)
            except Exception as error:  # a failed model must not prevent the download of the others
                failed.append(model)
                reason = next(iter(str(error).splitlines()), "")
                log(f"{model}: failed: {type(error).__name__}: {reason}")
    if failed:
        sys.exit(f"download-models: not downloaded: {', '.join(failed)}")


if __name__ == "__main__":
    main()
