"""What walk tests have found, a line for each finding: whoever is broken off goes on later.

`reports/walktest-<when it began>.jsonl` in the community's folder. A line is on the disk before it
is told. Only lines are added; for the same point or test the newest one counts.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from firegrid.errors import FiregridError

__all__ = ["FORMAT", "Key", "Results", "newest", "utc"]

FORMAT = 1
NAME = "walktest-*.jsonl"

Row: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str, str]  # what (point, power, network), gateway, point or ""


def utc(time_s: float) -> str:
    """Return a Unix time as files have it, 2026-11-27T06:05:04.321Z."""
    at = datetime.fromtimestamp(time_s, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Results:
    """All findings of a site; the first `add` begins a file of its own."""

    def __init__(self, folder: Path, site: str) -> None:
        self._folder = folder
        self._site = site
        self._path: Path | None = None

    def rows(self) -> list[Row]:
        """Return the findings of every walk, in the order in which they were made."""
        rows = [row for path in sorted(self._folder.glob(NAME)) for row in _read(path)]
        return [row for row in rows if row["site"] == self._site]

    def add(self, row: Row) -> None:
        """Keep a finding; return once it is on the disk."""
        line = json.dumps({"format": FORMAT, "site": self._site} | row, ensure_ascii=False) + "\n"
        path = self._path or self._begin(str(row["at"]))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(fd, line.encode())
            os.fsync(fd)
        finally:
            os.close(fd)

    def _begin(self, at: str) -> Path:
        """Choose the name of a new file; two walks may begin in the same second."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = at[:19].replace("-", "").replace(":", "") + "Z"
        names = [stamp, *(f"{stamp}-{n}" for n in range(2, 100))]
        free = (self._folder / NAME.replace("*", name) for name in names)
        self._path = next(path for path in free if not path.exists())
        return self._path


def newest(rows: list[Row]) -> dict[Key, Row]:
    """Return the finding that counts for each point and test; a photo goes to its point."""
    found: dict[Key, Row] = {}
    for row in rows:
        if row["what"] == "photo":
            key = ("point", row["gateway"], row["id"])
            if key in found:
                found[key] = found[key] | {"photo": row["photo"]}
        else:
            found[row["what"], row["gateway"], row.get("id", "")] = row
    return found


def _read(path: Path) -> list[Row]:
    """Read one walk; what was cut while it was written was never told either, and is left out."""
    *lines, cut = path.read_text(encoding="utf-8", errors="replace").split("\n")
    del cut
    return [_row(path, number, line) for number, line in enumerate(lines, 1)]


def _row(path: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
        version = row["format"]
    except (ValueError, TypeError, KeyError):
        raise FiregridError(
            f"{path}, line {number}: is no finding of a walk test", "put the file aside"
        ) from None
    if version != FORMAT:
        raise FiregridError(
            f"{path}, line {number}: format {version}; this program reads {FORMAT}",
            "use the firegrid that wrote it, or a newer one",
        )
    return row  # type: ignore[no-any-return]
