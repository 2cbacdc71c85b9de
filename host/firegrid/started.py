"""What a board prints once it has started, and the line that says who it is (firmware/who.py)."""

import json
import time
from collections.abc import Iterator
from typing import Any, Protocol

__all__ = ["Line", "printed", "said_of_itself"]

LINE_BYTES = 1024
_WHO = "firegrid {"


class Line(Protocol):
    """A serial port, as pyserial has it."""

    @property
    def in_waiting(self) -> int:
        """Return how many bytes have come."""

    def read(self, size: int) -> bytes:
        """Return what comes before the port's time is over."""

    def write(self, data: bytes) -> object:
        """Send."""


def printed(line: Line, wait_s: float, ask_s: float, first_s: float = 0.0) -> Iterator[str]:
    """Yield what the board prints, line by line, for so long; ask it who it is after `first_s`,
    then every `ask_s`: what it said at its start may have been missed."""
    began_s = time.monotonic()
    asked_s = began_s + first_s - ask_s
    seen = b""
    while time.monotonic() < began_s + wait_s:
        if time.monotonic() >= asked_s + ask_s:
            asked_s = time.monotonic()
            line.write(b"\r\nwho\r\n")
        seen += line.read(max(1, line.in_waiting))
        *whole, seen = seen.split(b"\n")
        seen = seen[-LINE_BYTES:]
        yield from (text.decode(errors="replace").strip() for text in whole)


def said_of_itself(text: str) -> dict[str, Any] | None:
    """Return what a line says of its gateway; None where it is another one, or torn: the next one
    comes."""
    if not text.startswith(_WHO):
        return None
    try:
        said = json.loads(text.removeprefix("firegrid "))
    except ValueError:
        return None
    return said if isinstance(said, dict) and "gateway" in said else None
