"""What walk tests have found, a line for each finding: whoever is broken off goes on later.

`reports/walktest-<when it began>.jsonl` in the community's folder. Only lines are added; for the
same point or test the newest one counts.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from firegrid import lines
from firegrid.lines import Row

__all__ = ["Key", "Results", "newest", "utc"]

NAME = "walktest-*.jsonl"

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
        rows = [row for path in sorted(self._folder.glob(NAME)) for row in lines.read(path)]
        ours = [row for row in rows if row["site"] == self._site]
        return sorted(ours, key=lambda row: str(row["at"]))  # walks of two people overlap

    def add(self, row: Row) -> None:
        """Keep a finding; return once it is on the disk."""
        lines.append(self._path or self._begin(str(row["at"])), {"site": self._site} | row)

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
