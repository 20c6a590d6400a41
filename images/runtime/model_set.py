"""The models that MODELS names, and their set on the model volume.

MODELS is a JSON list as in the setting `models`: "OWNER/NAME", "OWNER/NAME@REVISION", or {"url", "path", "sha256"}. MODEL_SET is the folder of
the set. A set that is complete does not change: another list of models has another folder. So the tasks of the previous version keep their
models during a rollout and after a rollback.

    MODEL_SET/manifest.json                    the records of all models, written last
    MODEL_SET/huggingface/models--OWNER--NAME  a cache of the Hugging Face client, whose refs/main is the revision of the set
    MODEL_SET/PATH                             a file with a URL
    VOLUME/huggingface/hub, VOLUME/files       the content, which the sets share through symbolic links
    VOLUME/records/KEY.json                    a record for each model whose content is complete and checked
"""

import json
import os
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(os.environ.get("MODEL_SET") or "/models/sets/none")
VOLUME = FOLDER.parent.parent
MANIFEST = FOLDER / "manifest.json"
RECORDS = VOLUME / "records"

# "OWNER/NAME[@REVISION]", or an object with the keys `url`, `path`, and `sha256`.
Model = str | dict[str, str]
# `name`, `version` (a commit or a SHA-256 checksum), and `files`: sizes in bytes, by their path on the volume.
Record = dict


def named() -> list[Model]:
    return json.loads(os.environ.get("MODELS") or "[]")


def name_of(model: Model) -> str:
    return model if isinstance(model, str) else model["path"]


def record_file(model: Model) -> Path:
    return RECORDS / f"{quote(model, safe='@') if isinstance(model, str) else model['sha256']}.json"


def read(file: Path) -> dict | None:
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        return None


def write(file: Path, content: dict) -> None:
    """Writes a JSON file atomically."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(content, indent=1))
    new.replace(file)


def damage(record: Record) -> str | None:
    """The first file of a record that is not there or has another size. Reads no content."""
    for path, size in record["files"].items():
        try:
            actual = (VOLUME / path).stat().st_size
        except FileNotFoundError:
            return f"the file {path} is missing"
        if actual != size:
            return f"the file {path} has {actual} bytes instead of {size}"
    return None


def problem() -> str | None:
    """Why the models that MODELS names cannot be used, in one line. None if they are on the volume."""
    models = named()
    if not models:
        return None
    manifest = read(MANIFEST)
    if manifest is None:
        missing = [name_of(model) for model in models if read(record_file(model)) is None] or [name_of(models[0])]
        more = f" ({len(missing)} are missing)" if len(missing) > 1 else ""
        return f"the model {missing[0]} is not on the volume{more}"
    for record in manifest["models"]:
        if found := damage(record):
            return f"the model {record['name']} is damaged: {found}"
    return None
