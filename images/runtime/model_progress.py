"""Log lines of the download of models."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Seconds between two lines about the progress of a download.
EVERY_S = 10


def log(line: str) -> None:
    print(f"download-models: {line}", flush=True)


def megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


@contextmanager
def progress(name: str, size: Callable[[], int]) -> Iterator[None]:
    """Logs the size of a download while it runs."""
    end = threading.Event()

    def report() -> None:
        while not end.wait(EVERY_S):
            log(f"{name}: {megabytes(size())} so far")

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
