"""A simulated board's serial port, as a tool on the host opens it: a pseudo-terminal, or RFC 2217.

A pseudo-terminal carries no DTR and RTS, so a board takes the closing of its port after a flash
as the reset. The same board at `rfc2217://127.0.0.1:PORT` has both: they drive EN and GPIO0
through the two transistors of a development board.
"""

import contextlib
import os
import pty
import select
import socket
import termios
import time
import tty
from pathlib import Path
from typing import Protocol

from serial.rfc2217 import PortManager

__all__ = ["Line", "NetworkLine", "PtyLine"]

READ_BYTES = 4096
HUNG_UP_S = 0.02
EN_RISE_S = 0.03  # the capacitor at EN: the level of GPIO0 is taken so long after the release
BETWEEN_S = 0.5  # of one control line and the next, over a network
_BAUDS = {
    getattr(termios, f"B{baud}"): baud
    for baud in (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
    if hasattr(termios, f"B{baud}")
}


class Line(Protocol):
    """One end of a serial cable; `controlled` says whether it has DTR and RTS."""

    controlled: bool

    def read(self, timeout_s: float) -> bytes | None:
        """Return what came, b"" where nothing did; None where nobody has the port open."""
        ...

    def write(self, data: bytes) -> None:
        """Send; it is lost where nobody has the port open."""
        ...

    def reset(self) -> str | None:
        """Return what the control lines ask for since the last call: "hold", "run" (start what is
        in flash), "download" (start the ROM's loader), None."""
        ...

    def close(self) -> None:
        """Pull the cable."""
        ...

    @property
    def baud(self) -> int:
        """Return what the other end has set."""
        ...


class PtyLine:
    """A pseudo-terminal; `path` becomes a link to it."""

    controlled = False

    def __init__(self, path: Path) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(self._master, termios.TCSANOW)
        self._path = path
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(slave))
        os.close(slave)  # from now on a hang-up is seen
        self._poll = select.poll()
        self._poll.register(self._master, select.POLLIN)

    def read(self, timeout_s: float) -> bytes | None:
        """Return what came; see Line."""
        found = dict(self._poll.poll(timeout_s * 1000)).get(self._master, 0)
        if found & select.POLLIN:
            with contextlib.suppress(OSError):
                return os.read(self._master, READ_BYTES)
        if found & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
            time.sleep(min(timeout_s, HUNG_UP_S))
            return None
        return b""

    def write(self, data: bytes) -> None:
        """Send all of it, while somebody has the port open."""
        while data:
            poll = select.poll()
            poll.register(self._master, select.POLLOUT)
            found = dict(poll.poll(1000)).get(self._master, 0)
            if found & select.POLLHUP or not found & select.POLLOUT:
                return
            with contextlib.suppress(OSError):
                data = data[os.write(self._master, data) :]

    def reset(self) -> str | None:
        """Return None: it has no control lines."""
        return None

    def close(self) -> None:
        """The device is gone, as after the cable was pulled."""
        self._path.unlink(missing_ok=True)
        os.close(self._master)

    @property
    def baud(self) -> int:
        """Return what the other end has set."""
        return _BAUDS.get(termios.tcgetattr(self._master)[5], 115200)


class _Wires:
    """What pyserial's PortManager sets: the serial port that a network client believes in."""

    bytesize, parity, stopbits, xonxoff, rtscts = 8, "N", 1, False, False
    cts = dsr = ri = cd = False
    break_condition = False

    def __init__(self) -> None:
        self.baudrate = 115200
        self.dtr = self.rts = False

    def reset_input_buffer(self) -> None:
        """Nothing is kept here."""

    reset_output_buffer = reset_input_buffer


class NetworkLine:
    """The same port over TCP by RFC 2217; `port` is where it listens, on 127.0.0.1."""

    controlled = True

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.port: int = self._server.getsockname()[1]
        self._client: socket.socket | None = None
        self._manager: PortManager | None = None
        self._wires = _Wires()
        self._was = (False, False)
        self._released_s: float | None = None

    def read(self, timeout_s: float) -> bytes | None:
        """Return what came; see Line."""
        if self._client is None and not self._accept():
            return None
        assert self._client and self._manager
        ready, _, _ = select.select([self._client], [], [], timeout_s)
        if not ready:
            return b""
        try:
            data = self._client.recv(READ_BYTES)
        except OSError:
            data = b""
        if not data:
            self._drop()
            return None
        return b"".join(self._manager.filter(data))

    def _accept(self) -> bool:
        with contextlib.suppress(OSError):
            self._client, _ = self._server.accept()
            self._client.setblocking(True)
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._wires = _Wires()
            self._manager = PortManager(self._wires, _Sender(self._client))
            return True
        return False

    def _drop(self) -> None:
        if self._client:
            self._client.close()
        self._client = self._manager = None
        self._was, self._released_s = (False, False), None

    def write(self, data: bytes) -> None:
        """Send, while there is a client."""
        if self._client and self._manager:
            with contextlib.suppress(OSError):
                self._client.sendall(b"".join(self._manager.escape(data)))

    def reset(self) -> str | None:
        """Return what EN and GPIO0 ask for; see Line."""
        now = (bool(self._wires.dtr), bool(self._wires.rts))
        was, self._was = self._was, now
        if now == (False, True) != was:
            self._released_s = None
            return "hold"
        if was == (False, True) != now:
            self._released_s = time.monotonic()
        if self._released_s is None:
            return None
        rise_s = BETWEEN_S if now == (True, True) else EN_RISE_S
        if time.monotonic() < self._released_s + rise_s:
            return None
        self._released_s = None
        return "download" if now == (True, False) else "run"

    def close(self) -> None:
        """Nobody reaches it any more."""
        self._drop()
        self._server.close()

    @property
    def baud(self) -> int:
        """Return what the other end has set."""
        return int(self._wires.baudrate)


class _Sender:
    """What PortManager writes its own words to."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def write(self, data: bytes) -> None:
        """Send."""
        with contextlib.suppress(OSError):
            self._client.sendall(data)
