"""A gateway's board is exchanged: the new one has the place and the points, and an id of its own.

An id is never used twice, so the records of the old gateway stay what they are, and the points go
on under their numbers. `replaced.jsonl` in the community's folder says what stood where before.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from firegrid import lines
from firegrid.errors import FiregridError
from firegrid.lines import Row
from firegrid.site.load import load_site
from firegrid.site.model import Site
from firegrid.state import State

__all__ = ["Exchange", "before"]

FILE = "replaced.jsonl"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_TABLE = re.compile(r"\s*\[\[?\s*([\w.-]+)\s*\]")
_KEYS = {"gateway": "id", "point": "gateway"}  # where a site file names a gateway, by its table


def before(state: State, gateway: str) -> list[Row]:
    """Return the exchanges at the place of a gateway, the latest first."""
    rows = {row["new"]: row for row in lines.read(state.directory / FILE)}
    found = []
    while gateway in rows:
        found.append(rows.pop(gateway))
        gateway = found[-1]["old"]
    return found


class Exchange:
    """OLD gives its place to NEW. It is checked whole before anything is written."""

    def __init__(self, site: Site, state: State, old: str, new: str) -> None:
        self._site = site
        self._state = state
        self._path = site.path.resolve()
        self.old = site.gateway(old).id
        self.new = self._unused(new)
        self.before = self._path.read_text(encoding="utf-8")
        self.after = "".join(self._lines())

    @property
    def _log(self) -> Path:
        return self._state.directory / FILE

    def _unused(self, new: str) -> str:
        if not _ID.fullmatch(new):
            raise FiregridError(f"{new!r} is no id", "allowed: 1 to 32 of a-z, 0-9 and -")
        used = {gateway.id for gateway in self._site.gateways}
        used |= {row["gateway"] for row in lines.read(self._state.boards)}
        for row in lines.read(self._log):
            used.add(row["old"])
            if (row["old"], row["new"]) != (self.old, new):  # else it was broken off here
                used.add(row["new"])
        if new in used:
            raise FiregridError(
                f"{new} has been a gateway of {self._site.id} already",
                "an id is never used twice: name another",
            )
        return new

    def _lines(self) -> Iterator[str]:
        """Yield the lines of the new site file: nothing but the id changes."""
        table = ""
        for line in self.before.splitlines(keepends=True):
            if found := _TABLE.match(line):
                table = found[1]
            key = _KEYS.get(table)
            quoted = rf"""^(\s*{key}\s*=\s*["']){re.escape(self.old)}(["'])"""
            yield re.sub(quoted, rf"\g<1>{self.new}\g<2>", line) if key else line

    def carry_out(self, at: str, by: str, why: str) -> str:
        """Note the exchange, retire the board, write the site file; return the board's MAC or "".

        Whatever it is broken off by, it can be called again.
        """
        temporary = self._path.with_name(self._path.name + ".new")
        try:
            temporary.write_text(self.after, encoding="utf-8")
            shutil.copymode(self._path, temporary)
            self._check(temporary)
            self._state.make()
            row = {"at": at, "site": self._site.id}
            if not any(done["new"] == self.new for done in lines.read(self._log)):
                note = {"old": self.old, "new": self.new, "by": by, "why": why}
                lines.append(self._log, row | note)
            mac = self._retire(at)
            temporary.replace(self._path)
        finally:
            temporary.unlink(missing_ok=True)
        return mac

    def _check(self, path: Path) -> None:
        """The new file says what the old one says, but for the id."""
        site = self._site
        gateways = tuple(
            replace(one, id=self.new) if one.id == self.old else one for one in site.gateways
        )
        points = tuple(
            replace(one, gateway=self.new) if one.gateway == self.old else one
            for one in site.points
        )
        expected = replace(site, path=path, gateways=gateways, points=points)
        try:
            same = load_site(path) == expected
        except FiregridError:
            same = False
        if not same:
            raise FiregridError(
                f"{self._path} names {self.old} in a way that this command does not understand",
                f"write {self.new} into it by hand, wherever {self.old} stands",
            )

    def _retire(self, at: str) -> str:
        """Say of the old board that it is out of use."""
        rows = [row for row in lines.read(self._state.boards) if row["gateway"] == self.old]
        if not rows:
            return ""
        mac: str = rows[-1]["mac"]
        if rows[-1]["state"] != "retired":
            row = {"at": at, "gateway": self.old, "mac": mac}
            gone = {"state": "retired", "port": "", "detail": f"replaced by {self.new}"}
            lines.append(self._state.boards, row | gone)
        return mac
