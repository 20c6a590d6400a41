"""Downloads a file from an HTTPS URL or from S3, and verifies its checksum."""

import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from model_progress import progress
from model_set import VOLUME, Record

# Seconds without a byte before a download fails.
TIMEOUT_S = 60
CHUNK = 1 << 20


class Failed(Exception):
    """The message gives the reason in one line."""


def sha256_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def open_s3(bucket: str, key: str):
    """An object, with the credentials of the environment or of the task role."""
    from minio import Minio
    from minio.credentials import ChainedProvider, EnvAWSProvider, IamAwsProvider
    from minio.error import S3Error

    region = os.environ.get("AWS_REGION") or "us-east-1"
    endpoint = urlsplit(os.environ.get("MODEL_S3_ENDPOINT") or f"https://s3.{region}.amazonaws.com")
    credentials = ChainedProvider([EnvAWSProvider(), IamAwsProvider()])
    client = Minio(endpoint.netloc, secure=endpoint.scheme == "https", region=region, credentials=credentials)
    try:
        return client.get_object(bucket, key)
    except S3Error as error:
        raise Failed(f"S3 returned {error.code}: {error.message}") from None


def open_url(url: str):
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return open_s3(parts.netloc, parts.path.lstrip("/"))
    try:
        return urllib.request.urlopen(url, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        raise Failed(f"the server returned HTTP {error.code}") from None


def fetch(model: dict[str, str]) -> Record:
    """
    Downloads a file to a temporary file on the volume, verifies it, and renames it. The name is its checksum, so files of all versions can
    be on the volume.
    """
    path, expected = model["path"], model["sha256"]
    target = VOLUME / "files" / expected
    if not target.exists() or sha256_of(target) != expected:
        target.parent.mkdir(parents=True, exist_ok=True)
        found, part = hashlib.sha256(), target.with_suffix(".part")
        with open_url(model["url"]) as source, part.open("wb") as sink, progress(path, sink.tell):
            while chunk := source.read(CHUNK):
                found.update(chunk)
                sink.write(chunk)
        if found.hexdigest() != expected:
            part.unlink()
            raise Failed(f"the checksum is wrong: expected SHA-256 {expected}, found {found.hexdigest()}")
        part.replace(target)
    return {"name": path, "version": f"sha256:{expected}", "files": {f"files/{expected}": target.stat().st_size}}


def link(model: dict[str, str], folder: Path) -> None:
    """Adds the file to a set."""
    symlink(folder / model["path"], VOLUME / "files" / model["sha256"])


def symlink(path: Path, target: Path) -> None:
    """Creates a relative symbolic link, or replaces it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(os.path.relpath(target, path.parent))
    new.replace(path)
