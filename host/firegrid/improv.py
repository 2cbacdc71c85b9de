"""Improv: Wi-Fi credentials over a board's serial port (improv-wifi.com/serial).

A frame is IMPROV, version, type, length, data, the sum of all bytes before it, and a newline. What
else a board prints lies between frames.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from firegrid.errors import FiregridError
from firegrid.site.gateways import SSID_BYTES_MAX

__all__ = ["Frame", "Frames", "Port", "frame", "give_wifi"]

MARK, VERSION = b"IMPROV", 1
SMALLEST = len(MARK) + 4  # version, type, length, sum
STATE, ERROR, COMMAND, RESULT = 1, 2, 3, 4
SEND_WIFI, GET_STATE, GET_INFO = 1, 2, 3
INVALID, UNABLE = 1, 3

TRIES = 5  # a board that has just been plugged in is starting
ANSWER_S = 2.0
QUIET_S = 0.3
JOIN_S = 45.0  # the gateway gives up after 30


class Frame(NamedTuple):
    """A frame without what makes it one."""

    kind: int
    data: bytes


class Port(Protocol):
    """What a conversation goes over; `read` returns after a moment, with or without bytes."""

    def read(self) -> bytes:
        """Return what has come."""

    def write(self, data: bytes) -> None:
        """Send bytes."""


def frame(kind: int, data: bytes) -> bytes:
    """Return a whole frame, without its newline."""
    made = MARK + bytes([VERSION, kind, len(data)]) + data
    return made + bytes([sum(made) % 256])


class Frames:
    """Finds the frames in what a board prints."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes; yield the frames that they end. A broken one is left out."""
        self._rest += data
        while (at := self._rest.find(MARK)) >= 0:
            rest = self._rest = self._rest[at:]
            end = SMALLEST + rest[8] if len(rest) > 8 else SMALLEST
            if len(rest) < end:
                return
            good = rest[6] == VERSION and sum(rest[: end - 1]) % 256 == rest[end - 1]
            self._rest = rest[end if good else len(MARK) :]
            if good:
                yield Frame(rest[7], rest[9 : end - 1])
        self._rest = self._rest[-len(MARK) + 1 :]


def give_wifi(port: Port, ssid: str, key: str, tell: Callable[[str], None]) -> str:
    """Have the gateway at a port join a network, and keep it; return what came of it in words,
    raise FiregridError where it has not. `tell` hears what takes its time."""
    name = ssid.encode()
    if not 0 < len(name) <= SSID_BYTES_MAX:
        raise FiregridError(f"{ssid!r}: a network's name has 1 to {SSID_BYTES_MAX} bytes")
    talk = _Talk(port)
    who = talk.who()
    tell(f"{who} tries {ssid}, for up to 30 s")
    error = talk.send_wifi(bytes([len(name)]) + name + bytes([len(key)]) + key.encode())
    if error is None:
        return f"{who} has joined {ssid} and keeps it: it joins it at every start from now on"
    if error == UNABLE:
        raise FiregridError(
            f"{who} could not join {ssid} in 30 s, and goes back to the network that it had",
            "check name and key, how far the access point is, and that it has 2.4 GHz",
        )
    if error == INVALID:
        raise FiregridError(f"{who} could not read what it was told", "try a shorter cable")
    raise FiregridError(
        f"{who} has failed (Improv error {error:#04x}), and goes back to the network that it had",
        "try again; where that fails too, start it anew",
    )


class _Talk:
    """Questions and answers."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._frames = Frames()

    def who(self) -> str:
        """Return who answers; raise where nobody does."""
        for _ in range(TRIES):
            self._ask(GET_STATE)
            if any(said.kind == STATE for said in self._heard(ANSWER_S)):
                break
        else:
            raise FiregridError(
                "no gateway answers at this port",
                "has it started, does firegrid's firmware run on it, and is it configured?",
            )
        self._ask(GET_INFO)
        for said in self._heard(ANSWER_S):
            if said.kind == RESULT and said.data[:1] == bytes([GET_INFO]):
                texts = _texts(said.data[2:])
                if len(texts) > 3 and texts[3].isprintable():  # it is shown to a person
                    return texts[3] or "the gateway"
        return "the gateway"

    def send_wifi(self, credentials: bytes) -> int | None:
        """Send credentials; return the error that comes back, None where they are kept."""
        list(self._heard(QUIET_S))  # of what was asked before
        for last in (False, True):
            self._ask(SEND_WIFI, credentials)
            error = self._kept()
            if error != INVALID or last:
                return error
        raise AssertionError

    def _kept(self) -> int | None:
        for said in self._heard(JOIN_S):
            if said.kind == ERROR and said.data[:1] not in (b"", b"\0"):
                return said.data[0]
            if said.kind == RESULT and said.data[:1] == bytes([SEND_WIFI]):
                return None
        raise FiregridError(
            f"the gateway has not answered for {JOIN_S:.0f} s",
            "it may have been started anew: try again",
        )

    def _ask(self, command: int, data: bytes = b"") -> None:
        self._port.write(frame(COMMAND, bytes([command, len(data)]) + data) + b"\n")

    def _heard(self, for_s: float) -> Iterator[Frame]:
        deadline = time.monotonic() + for_s
        while time.monotonic() < deadline:
            yield from self._frames.feed(self._port.read())


def _texts(data: bytes) -> list[str]:
    """Return the texts of a result."""
    found = []
    while data:
        found.append(data[1 : 1 + data[0]].decode(errors="replace"))
        data = data[1 + data[0] :]
    return found
