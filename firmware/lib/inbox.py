"""The receive buffer: bytes go in as they come, packets come out when they are whole."""

from lib.mqtt_packets import size_at


class Inbox:
    """Fill `room()`, say so with `received(count)`, then take packets while `next()` finds one: it
    stands in `buffer` from `at` to `end`. One too long for the buffer makes it `is_overfull()`."""

    def __init__(self, size):
        self.buffer = bytearray(size)
        self.view = memoryview(self.buffer)
        self.at = 0
        self.end = 0
        self.clear()

    def clear(self):
        """Forget all bytes."""
        self._read = self._filled = 0  # what lies between is not understood yet
        self._skip = 0  # bytes still to come of a packet that was given up

    def room(self):
        """Return the free part of the buffer, what is left of the old at its front."""
        left = self._filled - self._read
        if left and self._read:
            self.view[:left] = self.view[self._read : self._filled]
        self._read = 0
        self._filled = left
        return self.view[left:] if left else self.view

    def received(self, count):
        """Take note of `count` bytes in the room."""
        self._filled += count
        skipped = min(self._skip, count)
        self._skip -= skipped
        self._read += skipped

    def next(self):
        """Step to the next whole packet; return whether there is one. PacketError: not MQTT."""
        size = size_at(self.buffer, self._read, self._filled)
        if not 0 < size <= self._filled - self._read:
            return False
        self.at = self._read
        self.end = self._read = self.at + size
        return True

    def is_overfull(self):
        """Return whether one packet fills the whole buffer, and goes on."""
        return self._filled - self._read == len(self.buffer)

    def give_up(self):
        """Drop the packet that overfills the buffer, and what is still to come of it."""
        self._skip = size_at(self.buffer, self._read, self._filled) - len(self.buffer)
        self._read = self._filled
