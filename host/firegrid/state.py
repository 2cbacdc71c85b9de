"""The folder beside a site file that keeps what must not stand in it: keys, names, stores.

Beside `NAME.toml` lies `NAME.firegrid/`, readable by its owner alone and ignored by git.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firegrid.errors import FiregridError

__all__ = ["State", "write_folder"]

_IGNORE_ALL = "*\n"


@dataclass(frozen=True, slots=True)
class State:
    """Where a community's private files lie. Nothing is made before somebody writes."""

    directory: Path

    @classmethod
    def of(cls, site: Path, named: Path | None = None) -> "State":
        """Return the folder that `--state DIR` names, else the one beside the site file."""
        return cls(named.resolve() if named else site.resolve().with_suffix(".firegrid"))

    def make(self) -> "State":
        """Make the folder, for its owner alone, where it is not there yet."""
        directory = self.directory
        if directory.exists() and not directory.is_dir():
            raise FiregridError(
                f"{directory}: is a file, not a folder", "name another with --state"
            )
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = directory / ".gitignore"
        if not ignore.exists():
            ignore.write_text(_IGNORE_ALL)
        return self

    @property
    def ca(self) -> Path:
        """The community's own certificate authority, its signing key and its update key."""
        return self.directory / "ca"

    @property
    def people(self) -> Path:
        """Names and phones; the site file has ids only."""
        return self.directory / "people.toml"

    @property
    def wifi(self) -> Path:
        """Wi-Fi networks and their keys."""
        return self.directory / "wifi.toml"

    @property
    def identities(self) -> Path:
        """What each gateway is: certificate, and its key until its board has answered."""
        return self.directory / "identities"

    @property
    def boards(self) -> Path:
        """Which MAC is which gateway, a line for each change."""
        return self.directory / "boards.jsonl"

    @property
    def micropython(self) -> Path:
        """The interpreter, as it was fetched."""
        return self.directory / "micropython"

    @property
    def images(self) -> Path:
        """What is written to each board, a folder for each gateway."""
        return self.directory / "images"

    @property
    def store(self) -> Path:
        """The desk's store."""
        return self.directory / "desk.db"

    @property
    def reports(self) -> Path:
        """Acceptance reports and labels."""
        return self.directory / "reports"


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder with these files, for its owner alone. It appears whole or not at all, in the
    place of one that is there; raise OSError where that cannot be."""
    new, old = (folder.with_name(f".{folder.name}.{word}") for word in ("new", "old"))
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _settle(folder, new, old)  # what one that was interrupted has left
    try:
        new.mkdir(mode=0o700)
        for name, data in files.items():
            with os.fdopen(os.open(new / name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        _settle(folder, new, old)


def _settle(folder: Path, new: Path, old: Path) -> None:
    """Leave one folder of the three: the old one comes back where it has no successor."""
    if old.exists() and not folder.exists():
        old.rename(folder)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
