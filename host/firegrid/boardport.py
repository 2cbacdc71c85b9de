"""Works on a running board over its serial port, through MicroPython's raw REPL.

The gateway stands still meanwhile, and starts anew afterwards; what it had kept is in its flash.
"""

import contextlib
import io
import time
from binascii import Error, a2b_base64
from collections.abc import Callable, Iterator

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from firegrid.errors import FiregridError
from firegrid.serialport import cannot_be_opened, line_broke
from firegrid.started import printed

__all__ = ["PIECE_BYTES", "WATCHDOG_MS", "BoardError", "StoppedBoard", "read_partition"]

SECTOR_BYTES = 4096
PIECE_BYTES = 512  # what a board still has room for while its application lies in the heap
WATCHDOG_MS = 15000  # the application's goes on without it: whatever runs instead feeds it
INTERRUPTS, INTERRUPT_S = 4, 3
LEAVE_S = 0.1
SILENCE_S = 10  # the board says something at least so often
BLANK = "-"

_PROGRAM = """
import esp32, machine
from binascii import b2a_base64
found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label={label!r})
watchdog = machine.WDT(timeout={watchdog})
piece = bytearray({piece})
blank = b"\\xff" * {piece}
size = found[0].info()[3] if found else 0
print(size)
for at in range(0, size, {piece}):
    watchdog.feed()
    found[0].readblocks(at // 4096, piece, at % 4096)
    print({blank!r} if piece == blank else b2a_base64(piece).decode().strip())
"""
_RESET = "import machine; machine.reset()"


def read_partition(port: str, label: str, tell: Callable[[int, int], None]) -> bytes:
    """Return a data partition of the board at a serial port; `tell(done, size)` hears of each
    sector. Raise FiregridError where there is no board, no such partition, or the line breaks."""
    with StoppedBoard(port) as board:
        received = _Received(label, tell)
        program = _PROGRAM.format(
            label=label, watchdog=WATCHDOG_MS, piece=PIECE_BYTES, blank=BLANK
        )
        try:
            board.run(program, received.take)
        except BoardError as error:
            hint = "is it a gateway with firegrid's flash layout?"
            raise FiregridError(error.message, hint) from None
        whole = received.whole()
        board.restart()
        return whole


class BoardError(FiregridError):
    """A program failed on the board; `said` is the last line of its traceback."""

    def __init__(self, port: str, said: str) -> None:
        super().__init__(f"{port}: the board says: {said}")
        self.said = said


class StoppedBoard:
    """A board at a serial port whose application stands still; use it in a `with`. At the end it
    starts anew, whatever happened: at once, or where the line broke by its watchdog."""

    def __init__(self, port: str) -> None:
        self.port = port
        self._board: SerialTransport = None
        self._stopped = False

    def __enter__(self) -> "StoppedBoard":
        self._board = _open(self.port)
        try:
            with self._in_words(), contextlib.redirect_stdout(io.StringIO()):
                self._stop()  # mpremote prints what it did not expect
        except BaseException:
            self._close()
            raise
        self._stopped = True
        return self

    def _stop(self) -> None:
        """Interrupt the application; again, where it was just starting and did not hear."""
        for left in reversed(range(INTERRUPTS)):
            try:
                self._board.enter_raw_repl(soft_reset=False, timeout_overall=INTERRUPT_S)
                return
            except TransportError:
                if not left:
                    raise

    def __exit__(self, *_: object) -> None:
        if self._stopped:
            with contextlib.suppress(OSError):  # stop what runs, leave the raw mode, reset
                self._board.serial.write(f"\r\x03\x02{_RESET}\r".encode())
                time.sleep(LEAVE_S)  # until it is out
        self._close()

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self._board.close()

    def run(self, program: str, take: Callable[[bytes], None] | None = None) -> str:
        """Carry out a program; return what it prints, where `take` does not hear it byte by
        byte. It has to print or end within SILENCE_S, and to feed the watchdog."""
        with self._in_words():
            printed, failed = self._board.exec_raw(program, SILENCE_S, take)
        if failed:
            raise BoardError(self.port, failed.decode(errors="replace").strip().splitlines()[-1])
        return str(printed.decode(errors="replace"))

    def restart(self) -> None:
        """Let it start anew now; from here on only `lines` is of use."""
        with self._in_words():
            self._board.exec_raw_no_follow(_RESET)
        self._stopped = False

    def lines(self, wait_s: float, ask_s: float) -> Iterator[str]:
        """Yield what the started application prints, for so long; ask it who it is every so
        often."""
        with self._in_words():
            yield from printed(self._board.serial, wait_s, ask_s, first_s=ask_s)

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except TransportError as error:
            raise FiregridError(
                f"{self.port}: no answer from MicroPython ({error})",
                "check cable and power, close other programs on this port, and try again",
            ) from None
        except OSError as error:
            raise line_broke(self.port, error) from None


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
