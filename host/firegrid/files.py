"""Writes files that people asked for."""

import contextlib
from pathlib import Path

from firegrid.errors import FiregridError

__all__ = ["write_file"]


def write_file(file: Path, data: bytes) -> None:
    """Write a file, whole or not at all, and the folder that it is in."""
    part = file.with_name(file.name + ".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise FiregridError(f"{file}: cannot be written: {error.strerror or error}") from None
