"""Downloads a model from the Hugging Face hub to the cache of its client, and verifies its checksums.

The client is not a dependency of this script: transformers installs it. The layout of its cache:
https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

import hashlib
import os
import re
import sys
from pathlib import Path

from model_files import Failed, sha256_of, symlink
from model_progress import progress
from model_set import VOLUME, Record

CACHE = VOLUME / "huggingface" / "hub"
TOKEN_SETTING = "`pulumi config set --secret spatialforge:huggingFaceToken`"


def client():
    """The download function of the client."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        sys.exit(f"download-models: the models are on the Hugging Face hub, but this image does not contain {error.name}, a dependency of transformers")
    return snapshot_download


def cache_of(name: str) -> Path:
    return CACHE / f"models--{name.replace('/', '--')}"


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def git_sha1_of(file: Path) -> str:
    """The identity of a file in git: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects"""
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


# How to compute the name of a blob: the checksum of a large file (LFS), and the identity in git of another file.
CHECKSUMS = {64: sha256_of, 40: git_sha1_of}


def verify(snapshot: Path, path: Path) -> None:
    """Compares a file with the checksum in its name. Removes it if it is wrong, so that it is downloaded again."""
    blob = path.resolve()
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", blob.name):
        return
    if (found := CHECKSUMS[len(blob.name)](blob)) != blob.name:
        blob.unlink()
        path.unlink(missing_ok=True)
        raise Failed(f"the checksum of {path.relative_to(snapshot)} is wrong: expected {blob.name}, found {found}")


def fetch(model: str, download) -> Record:
    name, _, revision = model.partition("@")
    try:
        with progress(model, lambda: size_of(cache_of(name) / "blobs")):
            snapshot = Path(download(repo_id=name, revision=revision or None, cache_dir=CACHE))
    except Exception as error:
        raise access_problem(name, error) or error from None
    files = [path for path in sorted(snapshot.rglob("*")) if path.is_file()]
    for path in files:
        verify(snapshot, path)
    base = cache_of(name) / "snapshots" / snapshot.name
    sizes = {str((base / path.relative_to(snapshot)).relative_to(VOLUME)): path.stat().st_size for path in files}
    return {"name": model, "version": snapshot.name, "files": sizes}


def link(model: str, commit: str, folder: Path) -> None:
    """
    Adds the model to a set, as a cache in which `main` is the commit. The application asks for `main`, and the client itself writes no
    refs/main when it downloads another revision.
    """
    name, _, revision = model.partition("@")
    source, cache = cache_of(name), folder / "huggingface" / cache_of(name).name
    for entry in source.iterdir():
        if entry.name != "refs":
            symlink(cache / entry.name, entry)
    for ref in {"main", revision} - {"", commit}:
        (file := cache / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
        file.write_text(commit)


def access_problem(name: str, error: BaseException | None) -> Failed | None:
    """An error for a model that the hub refuses or does not have. The client reports some of them as the cause of another error."""
    while error is not None:
        code = getattr(getattr(error, "response", None), "status_code", None)
        if code in (401, 403):
            page = f"https://huggingface.co/{name}"
            remedy = (
                f"the token has no access: request access on {page} with the account of the token"
                if os.environ.get("HF_TOKEN")
                else f"no token is set: request access on {page}, and set the token with {TOKEN_SETTING}"
            )
            return Failed(f"the hub refuses access (HTTP {code}). The model is gated or private, or does not exist, and {remedy}")
        if code == 404:
            return Failed("the hub does not have this model or revision (HTTP 404), or the token has no access to it")
        error = error.__cause__
    return None
