"""Documents on disk: structs as JSON, the same bytes for the same struct, whole or not at all."""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from scenarios.errors import InputError

Document = TypeVar("Document", bound=msgspec.Struct)


def encode(document: msgspec.Struct) -> bytes:
    """The document as JSON, keys in a fixed order. Non-finite numbers become null."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def check_folder(folder: Path) -> None:
    """InputError for a folder that cannot be made: before the work whose results go there, not after it."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise InputError(f"{folder}: cannot be made: {there} is a file; name a folder with --out DIR")
    if not os.access(there, os.W_OK):
        raise InputError(
            f"{folder}: cannot be made: {there} may not be written to; name another with --out DIR"
        )


def write(content: bytes, folder: Path, file_name: str) -> Path:
    """Write a file into a folder (made if missing), whole or not at all; return its path.

    InputError where there is no room, or no permission to write.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file_name
    partial = folder / f".{file_name}.partial"
    try:
        partial.write_bytes(content)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None
    return target


def read(path: Path, file_name: str, kind: type[Document], what: str) -> Document:
    """Read a document from its file or its folder; InputError if it is missing or is not `what`."""
    file = path / file_name if path.is_dir() else path
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise InputError(f"{file}: is not a {what}: {error}") from None
