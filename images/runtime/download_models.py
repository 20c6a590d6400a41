"""Downloads the models that MODELS names to the model volume, which all tasks share. `--list` only lists what is on the volume.

It is safe to run this again, or in two tasks at the same time: the second task waits and then finds the complete models. A model is
downloaded once and not updated afterwards; another revision counts as another model.
"""

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import model_files
import model_hub
from model_progress import log, megabytes
from model_set import FOLDER, MANIFEST, RECORDS, VOLUME, Model, Record, damage, name_of, named, read, record_file, write


@contextmanager
def exclusive() -> Iterator[None]:
    """Allows one run at a time. A POSIX lock also works between machines on NFS 4, which EFS uses, and is released when its process
    exits. The client's own locks protect single files: two runs would share the work, and neither would know when a model is
    complete."""
    VOLUME.mkdir(parents=True, exist_ok=True)
    with (VOLUME / "download-models.lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            log("waiting for another run")
            fcntl.lockf(lock, fcntl.LOCK_EX)
        yield


def size(record: Record) -> str:
    return megabytes(sum(record["files"].values()))


def remove_damaged(record: Record) -> None:
    """Removes the files that have another size. The Hugging Face client would not download them again."""
    for path, expected in record["files"].items():
        file = VOLUME / path
        if file.exists() and file.stat().st_size != expected:
            file.resolve().unlink()
        if not file.exists():
            file.unlink(missing_ok=True)  # a link without a target


def ensure(model: Model, download) -> Record:
    """Downloads a model unless it is complete. Raises the exceptions of the clients."""
    name, file = name_of(model), record_file(model)
    record = read(file)
    if record and not damage(record):
        log(f"{name}: already downloaded, {size(record)}")
        return record
    if record:
        remove_damaged(record)
    start = time.monotonic()
    record = model_hub.fetch(model, download) if isinstance(model, str) else model_files.fetch(model)
    write(file, record)
    log(f"{name}: downloaded, {size(record)} in {time.monotonic() - start:.1f} s")
    return record


def complete(models: list[Model], records: list[Record]) -> None:
    """Writes the set. A health check accepts it when the manifest exists."""
    for model, record in zip(models, records, strict=True):
        if isinstance(model, str):
            model_hub.link(model, record["version"], FOLDER)
        else:
            model_files.link(model, FOLDER)
    write(MANIFEST, {"models": records})


def list_volume() -> None:
    """Prints a line for each model on the volume."""
    current = {str(record_file(model).name) for model in named()}
    files = sorted(RECORDS.glob("*.json"))
    log(f"models on the volume: {len(files)}")
    for file in files:
        record = read(file)
        state = damage(record) or ("in the settings" if file.name in current else "not in the settings")
        log(f"  {record['name']}, {record['version']}, {size(record)}, {state}")


def download_all(models: list[Model]) -> None:
    download = model_hub.client() if any(isinstance(model, str) for model in models) else None
    records, failed = [], []
    with exclusive():
        for model in models:
            try:
                records.append(ensure(model, download))
            except Exception as error:  # a failed model must not prevent the download of the others
                failed.append(name_of(model))
                reason = next(iter(str(error).splitlines()), "")
                kind = "" if isinstance(error, model_files.Failed) else f"{type(error).__name__}: "
                log(f"{name_of(model)}: failed: {kind}{reason}")
        if not failed:
            complete(models, records)
    list_volume()
    if failed:
        sys.exit(f"download-models: not downloaded: {', '.join(failed)}")


def main() -> None:
    models = named()
    if "--list" in sys.argv[1:]:
        list_volume()
    elif models:
        download_all(models)
    else:
        log("MODELS is empty: nothing to download")


if __name__ == "__main__":
    main()
