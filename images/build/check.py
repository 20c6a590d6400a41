"""Imports installed packages, and fails if one of them needs a file that prune.py removed: `check.py [LOCK_FOLDER]`.

Runs in the finished tree, and imports its packages, or those in a lock. It decides nothing else: a package that cannot be imported for another
reason, such as a missing GPU, is no failure. It reads nothing but the tree: on an engine with empty stores, the stages that installed the
packages would run again. `check.py` is also the child process that imports: one that crashes does not end the check.
"""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import prune

SITE = Path(f"/opt/venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages")

# Seconds after which an import is given up. The longest that was measured, `torch`, takes 5.
TIMEOUT = 120

# The stage that depends on the check copies this empty folder.
CHECKED = Path("/checked")

NOT_IMPORTED = re.compile(r"_.*|tests?|testing|conftest")


def removed_files() -> dict[str, tuple[str, str]]:
    """The files that prune.py removed from all packages, each with the name of the package and of the rule."""
    found: dict[str, tuple[str, str]] = {}
    for distribution in prune.distributions(path=[str(SITE)]):
        found |= prune.missing_files(SITE, distribution)
    return found


def locked(folder: Path) -> set[str]:
    """The packages in the lock files of a folder."""
    text = "\n".join(file.read_text() for file in folder.glob("*.txt"))
    return {prune.normalized(name) for name in prune.pinned(text)}


def modules(chosen: set[str] | None) -> Iterator[str]:
    """The modules of some packages to import, by default of all: top-level ones, and the packages in them."""
    for distribution in prune.distributions(path=[str(SITE)]):
        if chosen is not None and prune.normalized(distribution.metadata["Name"]) not in chosen:
            continue
        paths = [file.as_posix() for file in distribution.files or ()]
        packages = [path.removesuffix("/__init__.py") for path in paths if path.endswith("/__init__.py")]
        single = [match[1] for path in paths if (match := re.fullmatch(r"(\w+)(\.[\w-]+)?\.(py|so)", path))]
        for name in sorted({name for name in [*packages, *single] if name.count("/") < 2}):
            parts = name.split("/")
            if all(part.isidentifier() and not NOT_IMPORTED.fullmatch(part) for part in parts):
                yield ".".join(parts)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def missing_modules(error: BaseException) -> set[str]:
    """The modules that an error reports as missing."""
    if isinstance(error, AttributeError):
        return {f"{getattr(error.obj, '__name__', '')}.{error.name}"}
    if isinstance(error, ImportError) and error.name:
        names = re.findall(r"cannot import name '(\w+)'", str(error))
        return {f"{error.name}.{name}" for name in names} or {error.name}
    return set()


def needed(error: BaseException, opened: set[str], pruned: dict[str, tuple[str, str]]) -> list[str]:
    """The removed files that caused an error."""
    errors = list(chain(error))
    text = "\n".join(map(str, errors))
    missing = [name.replace(".", "/") for one in errors for name in missing_modules(one)]
    return [
        file
        for file in pruned
        if file in text
        or file in opened
        or (".so" in file and file.split("/")[-1] in text)
        or any(file == f"{name}.py" or file.startswith(f"{name}/") for name in missing)
    ]


def import_all(names: list[str]) -> None:
    """The child process: prints a line before each import, and a line after each that fails."""
    report = os.fdopen(os.dup(1), "w", buffering=1)
    output = os.open(os.devnull, os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    pruned = removed_files()
    opened: set[str] = set()

    def audit(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], str):
            opened.add(arguments[0].removeprefix(f"{SITE}/"))

    sys.addaudithook(audit)
    for name in names:
        print(json.dumps({"start": name}), file=report)
        opened.clear()
        signal.alarm(TIMEOUT)
        try:
            importlib.import_module(name)
        except BaseException as error:  # some packages exit
            reason = f"{type(error).__name__}: {error}"
            print(json.dumps({"failed": name, "reason": reason, "needed": needed(error, opened, pruned)}), file=report)
        signal.alarm(0)
    report.flush()
    os._exit(0)  # without the exit handlers of packages


def failures(names: list[str]) -> list[dict]:
    """The imports that fail, each with its reason and the removed files that it needs."""
    found = []
    while names:
        run = subprocess.run([sys.executable, __file__, "--import", *names], stdout=subprocess.PIPE, text=True)
        lines = [json.loads(line) for line in run.stdout.splitlines()]
        found += [line for line in lines if "failed" in line]
        if run.returncode == 0:
            break
        started = [line["start"] for line in lines if "start" in line]
        if not started:
            raise SystemExit(f"the check of the packages ended with {run.returncode}")
        found.append({"failed": started[-1], "reason": f"the process ended with {run.returncode}", "needed": []})
        names = names[len(started) :]
    return found


def message(failure: dict, pruned: dict[str, tuple[str, str]]) -> str:
    file = failure["needed"][0]
    package, rule = pruned[file]
    pattern = next((one for one in prune.RULES[rule].patterns if prune.pattern([one]).fullmatch(file)), file)
    return (
        f"{failure['failed']} cannot be imported without {file} of the package {package}, which the rule `{rule}` removed "
        f'({failure["reason"]}): set app.keepFiles to {{"{package}": ["{pattern}"]}}'
    )


def main(folders: list[str]) -> None:
    names = list(modules(locked(Path(folders[0])) if folders else None))
    failed = failures(names)
    pruned = removed_files()
    if broken := [message(failure, pruned) for failure in failed if failure["needed"]]:
        raise SystemExit("\n".join(broken))
    for failure in failed:
        print(f"not checked: {failure['failed']}: {failure['reason']}")
    print(f"{len(names) - len(failed)} of {len(names)} modules imported")
    CHECKED.mkdir()


if __name__ == "__main__":
    import_all(sys.argv[2:]) if sys.argv[1:2] == ["--import"] else main(sys.argv[1:])
