"""Serial ports: what is sent goes to uart<N>.tx, what is received comes from uart<N>.rx."""

import hal


class UART(hal.Part):
    """Port 1 or 2; port 0 is the console's."""

    def __init__(self, id, baudrate=115200, **settings):
        if id not in (1, 2):
            raise ValueError("UART(" + str(id) + ") does not exist")
        self._tx = open(hal.path("uart%d.tx" % id), "ab")  # noqa: SIM115 open as long as the port
        self._rx = open(hal.path("uart%d.rx" % id), "a+b")  # noqa: SIM115
        self._at = 0  # how much has been received

    def init(self, baudrate=115200, **settings):
        """Set the line; the simulated one takes any setting."""

    def write(self, data):
        """Send; return how many bytes."""
        return self._tx.write(data)

    def any(self):
        """Return how many bytes wait."""
        return self._rx.seek(0, 2) - self._at

    def read(self, size=-1):
        """Return what waits, at most size bytes; None where nothing does."""
        self._rx.seek(self._at)
        data = self._rx.read(size)
        self._at += len(data)
        return data or None

    def readinto(self, buffer):
        """Fill the buffer as far as it goes; return how far, None where nothing waits."""
        self._rx.seek(self._at)
        size = self._rx.readinto(buffer)
        self._at += size
        return size or None

    def flush(self):
        """Nothing to wait for."""
