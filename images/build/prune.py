"""Removes files of installed packages that the application does not load at run time.

RULES decides, by the name of a file and by reading the package that contains it. So the result depends on the packages only, not on the
machine that builds. `app.keepFiles` in the settings keeps files that a rule would remove. docs/images.md describes the rules.
"""

import ast
import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path

HEADERS_READ = "it compiles code at run time against its own headers"


def normalized(name: str) -> str:
    """The name of a package as in PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(text: str) -> list[str]:
    """The packages that a lock file pins."""
    return re.findall(r"^([\w.-]+)(?:==| @ )", text, re.MULTILINE)


class Package:
    """An installed distribution: its normalized name, and its files by their path below the folder of all packages."""

    def __init__(self, site: Path, distribution: Distribution) -> None:
        self.site = site
        self.name = normalized(distribution.metadata["Name"])
        paths = (file.as_posix() for file in distribution.files or ())
        self.files = sorted(path for path in paths if not path.startswith("../") and (site / path).is_file())

    def code(self, path: str) -> str:
        return (self.site / path).read_text(errors="replace")


def reads_stubs(package: Package) -> bool:
    """Whether it imports its modules as listed in stubs: `lazy_loader.attach_stub` reads a .pyi file at run time."""
    return any(path.endswith(".py") and "attach_stub" in package.code(path) for path in package.files)


def nothing(package: Package, candidates: set[str]) -> set[str]:
    return set()


def stubs_read(package: Package, candidates: set[str]) -> set[str]:
    return candidates if reads_stubs(package) else set()


def tests_imported(package: Package, candidates: set[str]) -> set[str]:
    """Test folders that a module imports that is in no test folder, and those that they import themselves."""
    unread = {path for path in package.files if path.endswith(".py") and path not in candidates}
    kept: set[str] = set()
    while unread:
        imported = {name for path in sorted(unread) for name in imported_tests(path, package.code(path))}
        found = {path for path in candidates - kept if any(path.startswith(f"{name}/") for name in imported)}
        kept |= found
        unread = {path for path in found if path.endswith(".py")}
    return kept


def imported_tests(path: str, code: str) -> set[str]:
    """The folders called `tests`, as paths, that a module imports."""
    if "tests" not in code:
        return set()
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):  # a template
        return set()
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = path.split("/")[: -node.level] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            modules |= {module, *(f"{module}.{name.name}" for name in node.names)}
    parts = (module.split(".") for module in modules)
    return {"/".join(names[: i + 1]) for names in parts for i, name in enumerate(names) if name == "tests"}


@dataclass(frozen=True)
class Rule:
    """Files to remove. A pattern that matches a folder matches all files in it."""

    patterns: tuple[str, ...]
    # Of the files that the patterns match in a package: those that the package reads at run time.
    read: Callable[[Package, set[str]], set[str]] = nothing
    # Packages that keep the files, with the reason.
    kept: dict[str, str] = field(default_factory=dict)


# Verified without these files, on a CPU only: the API and the worker become healthy, torch computes, and torchvision, cv2, and
# transformers can be imported.
RULES = {
    "tests": Rule(("**/tests",), tests_imported, {"torch": "it imports test modules by computed names"}),
    "stubs": Rule(("**/*.pyi",), stubs_read),
    "headers": Rule(
        ("**/include", "**/*.pxd", "**/*.cu", "torch/share"),
        kept=dict.fromkeys(
            ("cppyy-cling", "cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x", "numba-cuda", "triton"), HEADERS_READ
        ),
    ),
    "static libraries": Rule(("**/*.a",)),
    "compilers": Rule(("torch/bin/protoc*",)),
    # Device code and transports of NVSHMEM. The bootstraps are for MPI and similar systems, whose libraries are not installed.
    "NVSHMEM": Rule(("nvidia/**/libnvshmem_device*", "nvidia/**/nvshmem_*transport*", "nvidia/**/nvshmem_bootstrap_[mps]*")),
    "CUDA libraries that torch does not load": Rule(
        ("nvidia/**/libcusolverMg*", "nvidia/**/libnvblas*", "nvidia/**/libcufftw*", "nvidia/**/libcufile_rdma*")
    ),
    "profilers": Rule(("nvidia/**/libcheckpoint*", "nvidia/**/libpcsamplingutil*")),
}


def pattern(patterns: Iterable[str]) -> re.Pattern[str]:
    """A regular expression for paths that one of some patterns matches: `**/` is any folders, `*` any text without a slash."""
    tokens = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    expressions = (
        "".join(
            tokens.get(token) or (token if token.startswith("[") else re.escape(token))
            for token in re.findall(r"\*\*/|\*\*|\*|\?|\[[^]]+\]|.", one)
        )
        for one in patterns
    )
    return re.compile("|".join(f"(?:{one})(?:/.*)?" for one in expressions) or "(?!)")


def pruned_files(package: Package, keep: list[str]) -> dict[str, str]:
    """The files to remove from a package, with the name of the rule. @throws SystemExit if a pattern to keep matches nothing."""
    for one in keep:
        if not any(pattern([one]).fullmatch(path) for path in package.files):
            raise SystemExit(f"app.keepFiles: no file of the package {package.name} matches {one}: correct or remove the pattern")
    kept = pattern(keep)
    pruned = {}
    # The licenses of a package are in its .dist-info.
    files = [path for path in package.files if not path.split("/")[0].endswith(".dist-info")]
    for name, rule in RULES.items():
        if package.name in rule.kept:
            continue
        candidates = {path for path in files if pattern(rule.patterns).fullmatch(path)}
        if candidates:
            removed = candidates - rule.read(package, candidates)
            pruned |= {path: name for path in removed if not kept.fullmatch(path)}
    return pruned


def prune(site: Path, keep: dict[str, list[str]]) -> None:
    """Removes files below a folder of packages. The RECORD of each package still lists them.

    :param keep: patterns of files to keep, by the normalized name of the package
    """
    found: list[str] = []
    for distribution in distributions(path=[str(site)]):
        package = Package(site, distribution)
        found += pruned_files(package, keep.get(package.name, []))
    for path in found:
        (site / path).unlink(missing_ok=True)
        for parent in (site / path).parents:
            if parent == site or any(parent.iterdir()):
                break
            parent.rmdir()


def missing_files(site: Path, distribution: Distribution) -> dict[str, tuple[str, str]]:
    """The files of a package that were removed, each with the name of the package and of the rule."""
    package = Package(site, distribution)
    listed = [row[0] for row in csv.reader((distribution.read_text("RECORD") or "").splitlines()) if row]
    missing = [path for path in listed if not (site / path).exists()]
    patterns = {name: pattern(rule.patterns) for name, rule in RULES.items()}
    return {path: (package.name, name) for path in missing for name, one in patterns.items() if one.fullmatch(path)}
