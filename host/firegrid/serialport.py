"""A board's serial port as it runs: nothing on the board is stopped or started anew."""

import os

import serial

from firegrid.errors import FiregridError

__all__ = ["SerialPort", "cannot_be_opened", "line_broke", "must_be_there", "not_there"]

BAUD = 115200  # of MicroPython's console
WAIT_S = 0.1
PIECE_BYTES = 4096


def must_be_there(port: str) -> None:
    """Raise where nothing is plugged in at a port that has a path."""
    if os.name == "posix" and "://" not in port and not os.path.exists(port):
        raise not_there(port)


def not_there(port: str, site: str = "SITE") -> FiregridError:
    """Return the error for a port at which nothing is plugged in."""
    return FiregridError(
        f"{port}: this port is not there",
        f"plug the board in; what is plugged in says: firegrid doctor {site}",
    )


def cannot_be_opened(port: str) -> FiregridError:
    """Return the error for a port that does not open, whatever the reason."""
    return FiregridError(
        f"{port}: this port cannot be opened",
        "is it plugged in, is another program using it, and may you use it (group dialout)?",
    )


def line_broke(port: str, error: OSError) -> FiregridError:
    """Return the error for a port that was open, and is gone."""
    return FiregridError(
        f"{port}: the line broke ({error.strerror or error})", "check the cable, and try again"
    )


class SerialPort:
    """Use it in a `with`."""

    def __init__(self, port: str) -> None:
        self._port = port
        must_be_there(port)
        try:
            self._line = serial.Serial(port, BAUD, timeout=WAIT_S, exclusive=True)
        except (OSError, ValueError):
            raise cannot_be_opened(port) from None

    def __enter__(self) -> "SerialPort":
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def read(self) -> bytes:
        """Return what has come, after a moment at the latest; raise FiregridError where the line
        is broken."""
        try:
            first = self._line.read(1)
            return bytes(first + self._line.read(min(self._line.in_waiting, PIECE_BYTES)))
        except OSError as error:
            raise line_broke(self._port, error) from None

    def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._line.write(data)
        except OSError as error:
            raise line_broke(self._port, error) from None
