"""Files of JSON lines to which lines are only added: a line is on the disk before it is told.

A last line without its end was cut while it was written. Nobody was told of it, so it is left out,
and gone with the next line that is added.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from firegrid.errors import FiregridError

__all__ = ["FORMAT", "Line", "Row", "append", "is_cut", "no_line", "read", "read_lines"]

FORMAT = 1

Row: TypeAlias = dict[str, Any]


class Line(NamedTuple):
    """A row, and where it stands."""

    path: Path
    number: int
    text: str
    row: Row


def read(path: Path) -> list[Row]:
    """Return the rows of a file, none where there is no file."""
    return [line.row for line in read_lines(path)]


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a file, none where there is no file."""
    if not path.is_file():
        return []
    *lines, _cut = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return [Line(path, n, text, _row(path, n, text)) for n, text in enumerate(lines, 1)]


def is_cut(path: Path) -> bool:
    """Return whether the last line of a file was cut while it was written."""
    return path.is_file() and path.read_bytes()[-1:] not in (b"", b"\n")


def append(path: Path, row: Row) -> None:
    """Add a row; return once it is on the disk."""
    line = json.dumps({"format": FORMAT} | row, ensure_ascii=False) + "\n"
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        whole = path.read_bytes().rfind(b"\n") + 1
        os.ftruncate(fd, whole)
        os.pwrite(fd, line.encode(), whole)
        os.fsync(fd)
    finally:
        os.close(fd)


def no_line(path: Path, number: int) -> FiregridError:
    """Return the error for a line that does not say what it should."""
    return FiregridError(
        f"{path}, line {number}: is no line of ours", "put the file aside, or mend the line"
    )


def _row(path: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
        version = row["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise no_line(path, number) from None
    if version != FORMAT:
        raise FiregridError(
            f"{path}, line {number}: format {version}; this program reads {FORMAT}",
            "use the firegrid that wrote it, or a newer one",
        )
    return row  # type: ignore[no-any-return]
