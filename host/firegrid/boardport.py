"""Reads a running board over its serial port, through MicroPython's raw REPL.

The gateway stands still meanwhile, and starts anew afterwards; what it had kept is in its flash.
"""

import contextlib
import io
from binascii import Error, a2b_base64
from collections.abc import Callable

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from firegrid.errors import FiregridError
from firegrid.serialport import cannot_be_opened

__all__ = ["read_partition"]

SECTOR_BYTES = 4096
PIECE_BYTES = 512  # what a board still has room for while its application lies in the heap
SILENCE_S = 10  # the board says something at least so often
BLANK = "-"

# The application's watchdog goes on without it, so this feeds it.
_PROGRAM = """
import esp32, machine
from binascii import b2a_base64
found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label={label!r})
watchdog = machine.WDT(timeout=15000)
piece = bytearray({piece})
blank = b"\\xff" * {piece}
size = found[0].info()[3] if found else 0
print(size)
for at in range(0, size, {piece}):
    watchdog.feed()
    found[0].readblocks(at // 4096, piece, at % 4096)
    print({blank!r} if piece == blank else b2a_base64(piece).decode().strip())
"""


def read_partition(port: str, label: str, tell: Callable[[int, int], None]) -> bytes:
    """Return a data partition of the board at a serial port; `tell(done, size)` hears of each
    sector. Raise FiregridError where there is no board, no such partition, or the line breaks."""
    board = _open(port)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints what it did not expect
            board.enter_raw_repl(soft_reset=False)
        received = _Received(label, tell)
        program = _PROGRAM.format(label=label, piece=PIECE_BYTES, blank=BLANK)
        _, failed = board.exec_raw(program, SILENCE_S, received.take)
        if failed:
            last = failed.decode(errors="replace").strip().splitlines()[-1]
            raise FiregridError(
                f"{port}: the board says: {last}", "is it a gateway with firegrid's flash layout?"
            )
        whole = received.whole()
        board.exec_raw_no_follow("import machine; machine.reset()")
        return whole
    except TransportError as error:
        raise FiregridError(
            f"{port}: no answer from MicroPython ({error})",
            "check cable and power, close other programs on this port, and try again",
        ) from None
    except OSError as error:
        raise FiregridError(
            f"{port}: the line broke ({error.strerror or error})", "check the cable, and try again"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            board.close()


def _open(port: str) -> SerialTransport:
    try:
        return SerialTransport(port, timeout=1)
    except (TransportError, OSError, ValueError):
        raise cannot_be_opened(port) from None


class _Received:
    """What the board prints, byte by byte: the size, then a line for each piece."""

    def __init__(self, label: str, tell: Callable[[int, int], None]) -> None:
        self._label = label
        self._tell = tell
        self._line = b""
        self._size: int | None = None
        self._data = bytearray()
        self._bad = ""

    def take(self, byte: bytes) -> None:
        """Take what has come."""
        self._line += byte
        if byte != b"\n":
            return
        line = self._line.decode("ascii", "replace").strip()
        self._line = b""
        try:
            if self._size is None:
                self._size = int(line)
            else:
                self._add(line)
        except (ValueError, Error):
            self._bad = self._bad or line

    def _add(self, line: str) -> None:
        piece = b"\xff" * PIECE_BYTES if line == BLANK else a2b_base64(line)
        if len(piece) != PIECE_BYTES:
            raise ValueError
        self._data += piece
        if len(self._data) % SECTOR_BYTES == 0:
            self._tell(len(self._data), self._size or 0)

    def whole(self) -> bytes:
        """Return the partition."""
        if self._size == 0:
            raise FiregridError(
                f"the board has no partition {self._label!r}",
                "its flash was not laid out by firegrid",
            )
        if self._bad or self._size != len(self._data):
            seen = f"{self._bad[:60]!r}" if self._bad else f"{len(self._data)} bytes"
            raise FiregridError(
                f"the board sent {self._size} bytes of {self._label!r}, and {seen} came",
                "the line is disturbed: try a shorter cable",
            )
        return bytes(self._data)
