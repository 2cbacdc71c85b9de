"""Serial ports: what is sent goes to uart<N>.tx, what is received comes from uart<N>.rx.

Where the board has a file rs485.bin, port 2 drives an RS-485 line with the stations in it.
"""

import uos

import hal


def has_stations():
    """Return whether this board has stations on an RS-485 line."""
    try:
        uos.stat(hal.path("rs485.bin"))
    except OSError:
        return False
    return True


class UART(hal.Part):
    """Port 1 or 2; port 0 is the console's."""

    def __init__(self, id, baudrate=115200, **settings):
        if id not in (1, 2):
            raise ValueError("UART(" + str(id) + ") does not exist")
        self._line = None
        if id == 2 and has_stations():
            from hal_stations import Line

            self._line = Line(baudrate)
            return
        self._tx = open(hal.path("uart%d.tx" % id), "ab")  # noqa: SIM115 open as long as the port
        self._rx = open(hal.path("uart%d.rx" % id), "a+b")  # noqa: SIM115
        self._at = 0  # how much has been received

    def init(self, baudrate=115200, **settings):
        """Set the line; the simulated one takes any setting."""

    def write(self, data):
        """Send; return how many bytes."""
        if self._line:
            return self._line.write(data)
        return self._tx.write(data)

    def any(self):
        """Return how many bytes wait."""
        if self._line:
            return self._line.any()
        return self._rx.seek(0, 2) - self._at

    def read(self, size=-1):
        """Return what waits, at most size bytes; None where nothing does."""
        if self._line:
            return self._line.read(self._line.any() if size < 0 else size) or None
        self._rx.seek(self._at)
        data = self._rx.read(size)
        self._at += len(data)
        return data or None

    def readinto(self, buffer):
        """Fill the buffer as far as it goes; return how far, None where nothing waits."""
        if self._line:
            data = self._line.read(len(buffer))
            buffer[: len(data)] = data
            return len(data) or None
        self._rx.seek(self._at)
        size = self._rx.readinto(buffer)
        self._at += size
        return size or None

    def flush(self):
        """Wait until all is sent: on a line that takes its time."""
        if self._line:
            self._line.flush()
