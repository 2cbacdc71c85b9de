"""What a merge would change, what it leaves as it is, and what contradicts itself.

Everything is read and compared first; `carry_out` alone writes, one whole file or folder after the
other.
"""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from firegrid.errors import FiregridError
from firegrid.files import whole_file
from firegrid.state import State

__all__ = ["Change", "Found", "Note", "sorted_folder"]


class Change(NamedTuple):
    """One thing that is written."""

    what: str  # taken, joined, newer, key_removed
    path: Path
    carry_out: Callable[[], object]
    added: int = 0  # lines or entries, where it is joined


class Note(NamedTuple):
    """Something that stays as it is, and a person may want to know."""

    why: str  # torn, image_differs, differs, store, store_open, key_there, unknown
    path: Path


class Found:
    """All that was found in the two folders of a site."""

    def __init__(self, site: str, own: State, other: State) -> None:
        self.site = site
        self.own = own
        self.other = other
        self.changes: list[Change] = []
        self.notes: list[Note] = []
        self._contradictions: list[str] = []

    def change(
        self, what: str, path: Path, carry_out: Callable[[], object], added: int = 0
    ) -> None:
        """Keep what has to be written."""
        self.changes.append(Change(what, path, carry_out, added))

    def take(self, source: Path, path: Path) -> None:
        """Take a file that our folder lacks."""
        self.change("taken", path, partial(_copy, source, path))

    def note(self, why: str, path: Path) -> None:
        """Keep what stays as it is."""
        self.notes.append(Note(why, path))

    def contradict(self, text: str) -> None:
        """Keep what cannot be so on both sides; a line that names both."""
        self._contradictions.append(text)

    def belongs(self, path: Path, site: object) -> None:
        """Raise where something is of another community."""
        if site != self.site:
            raise FiregridError(
                f"{path}: is of the community {site}, not of {self.site}",
                "merge folders of the same community alone",
            )

    def keys_last(self) -> None:
        """Put the removal of keys behind all that says that their boards have them."""
        self.changes.sort(key=lambda change: change.what == "key_removed")

    def add(self, more: "Found") -> None:
        """Keep what was found apart from this."""
        self.changes += more.changes
        self.notes += more.notes
        self._contradictions += more._contradictions

    def refuse_any(self) -> None:
        """Raise one error with a line for each contradiction, if there are any."""
        if self._contradictions:
            raise FiregridError(
                "\n".join(self._contradictions),
                "nothing was changed: settle which of the two is so, then merge again",
            )

    def carry_out(self) -> None:
        """Write all of it."""
        if self.changes:
            self.own.make()
        for change in self.changes:
            change.carry_out()


def sorted_folder(folder: Path) -> Iterator[Path]:
    """Yield what lies in a folder, if it is there, but for hidden things."""
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _copy(source: Path, path: Path) -> None:
    with source.open("rb") as read, whole_file(path) as written:
        shutil.copyfileobj(read, written)
