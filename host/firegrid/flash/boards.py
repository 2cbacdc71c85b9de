"""Which board is which gateway: `boards.jsonl`, a line for each step of each board.

    matched > erased > written > verified > booted > labelled; released, retired

A line is on the disk before the step after it begins, so whatever ends the tool, no gateway and no
MAC is used twice: a board that was begun is known when it comes back.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from firegrid import lines
from firegrid.errors import FiregridError
from firegrid.state import State

__all__ = ["BOOTED", "LABELLED", "LET_GO", "MATCHED", "Boards", "alone"]

MATCHED, BOOTED, LABELLED = "matched", "booted", "labelled"
DONE = (BOOTED, LABELLED)
LET_GO = ("released", "retired")  # of a board that is no gateway's any more


class Boards:
    """What is known of all boards, as of the last line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: dict[str, dict[str, Any]] = {}  # by MAC
        self._booted: dict[str, str] = {}  # image by MAC, since it has answered
        for row in lines.read(path):
            self._take(row)

    def _take(self, row: dict[str, Any]) -> None:
        mac = str(row.get("mac") or "").lower()
        if not mac or not row.get("gateway"):
            return
        if row.get("state") in LET_GO:
            self._last.pop(mac, None)
            self._booted.pop(mac, None)
            return
        self._last[mac] = row
        if row.get("state") == BOOTED:
            self._booted[mac] = str(row.get("image_sha256") or "")

    def gateway_of(self, mac: str) -> str | None:
        """Return which gateway a board is, None where it is none yet."""
        row = self._last.get(mac)
        return str(row["gateway"]) if row else None

    def mac_of(self, gateway: str) -> str | None:
        """Return which board a gateway is."""
        return next((mac for mac, row in self._last.items() if row["gateway"] == gateway), None)

    def has_answered(self, mac: str) -> bool:
        """Return whether the application has answered on it once: it has its key."""
        return mac in self._booted

    def image_of(self, mac: str) -> str | None:
        """Return the SHA-256 of the image that it started last; None unless that was its last
        step."""
        row = self._last.get(mac)
        return self._booted.get(mac) if row and row["state"] in DONE else None

    def note(self, mac: str, gateway: str, state: str, port: str, **more: Any) -> None:
        """Keep one step; return once it is on the disk."""
        row = {"at_s": int(time.time()), "mac": mac, "gateway": gateway, "state": state}
        row |= {"port": port} | more
        try:
            lines.append(self._path, row)
        except OSError as error:
            raise FiregridError(
                f"{self._path}: cannot be written: {error.strerror or error}",
                "make room on the disk: no board is begun before that is noted",
            ) from None
        self._take(row)


@contextmanager
def alone(state: State) -> Iterator[None]:
    """Keep a second bench off the same folder; the lock goes with the process, however it ends."""
    state.make()
    with (state.directory / ".flash.lock").open("a+b") as file:
        try:
            _lock(file.fileno())
        except OSError:
            raise FiregridError(
                f"{state.directory}: another `firegrid flash` works in this folder",
                "one command serves many ports: --ports GLOB --jobs 8",
            ) from None
        yield


def _lock(fd: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
