"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from firegrid.errors import FiregridError

__all__ = ["whole_file", "write_file"]

PRIVATE, PUBLIC = 0o600, 0o666  # less what the umask takes


@contextmanager
def whole_file(path: Path, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """Open a file, by default for its owner alone, that takes its place at `path` once all of it
    is on the disk; until then, and after whatever breaks it off, all is as it was."""
    part = path.with_name(f".{path.name}.new")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part.unlink(missing_ok=True)  # of one that was interrupted
    try:
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_file(path: Path, data: bytes) -> None:
    """Write a file that a person has asked for, and the folder that it is in; raise FiregridError
    where that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, PUBLIC) as file:
            file.write(data)
    except OSError as error:
        raise FiregridError(f"{path}: cannot be written: {error.strerror or error}") from None
