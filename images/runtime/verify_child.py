"""The steps of `verify` that load torch or the application, each in a process of its own: `verify_child.py gpu|api|worker`.

The last line of the standard output is the result. If the exit code is 1, it is the error.
"""

import importlib
import sys
import traceback

from settings import API_APP, CELERY_APP

# Rows and columns of the matrices. A product of them takes milliseconds, also on a CPU.
SIZE = 1024
# Maximum relative difference of the results. The GPU may compute with TF32, which has a mantissa of 10 bits:
# https://docs.pytorch.org/docs/stable/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices
TOLERANCE = 0.01


class Failed(Exception):
    """The message is the error."""


def gpu() -> str:
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return "left out: this image does not contain torch"
    if not torch.cuda.is_available():
        raise Failed(f"torch {torch.__version__} finds no GPU: torch.cuda.is_available() returned False")
    a, b = torch.rand(SIZE, SIZE), torch.rand(SIZE, SIZE)
    name = torch.cuda.get_device_name()
    if not torch.allclose((a.cuda() @ b.cuda()).cpu(), a @ b, rtol=TOLERANCE):
        raise Failed(f"the product of two matrices on {name} differs from the product on the CPU")
    return f"multiplied two matrices on {name} with torch {torch.__version__}"


def api() -> str:
    module, _, attribute = API_APP.partition(":")
    getattr(importlib.import_module(module), attribute)
    return f"imported {API_APP}"


def worker() -> str:
    from celery.app.utils import find_app

    app = find_app(CELERY_APP)
    app.loader.import_default_modules()
    tasks = [name for name in app.tasks if not name.startswith("celery.")]
    if not tasks:
        raise Failed(f"the Celery application {CELERY_APP} has no tasks")
    return f"imported {CELERY_APP} with {len(tasks)} tasks"


def main(name: str) -> None:
    try:
        print({"gpu": gpu, "api": api, "worker": worker}[name]())
    except Failed as error:
        print(error)
        sys.exit(1)
    except (Exception, SystemExit) as error:  # an application can exit while it is imported
        traceback.print_exc()
        print(f"{type(error).__name__}: {' '.join(str(error).split())}")
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
