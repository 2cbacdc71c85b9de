"""The packets that wait for their acknowledgement: at most `size`, each with an id of its own.

An id stands in slot id % size: it is found without a search, and skipped where the slot is taken.
"""

from time import ticks_diff

from micropython import const

_ID_MAX = const(65535)  # 0 is no packet id


class Window:
    """`in_flight` is how many wait now. Nothing here allocates."""

    def __init__(self, size):
        self.size = size
        self.in_flight = 0
        self._ids = [0] * size
        self._since_ms = [0] * size
        self._last_id = 0

    def clear(self):
        """Forget all that wait; ids go on from the last one."""
        self.in_flight = 0
        for slot in range(self.size):
            self._ids[slot] = 0

    def claim(self, now_ms):
        """Return a packet id that waits from now on; only while in_flight is below size."""
        if self.in_flight >= self.size:
            raise ValueError("the window is full")
        packet_id = self._last_id % _ID_MAX + 1
        while self._ids[packet_id % self.size]:
            packet_id = packet_id % _ID_MAX + 1
        slot = packet_id % self.size
        self._ids[slot] = self._last_id = packet_id
        self._since_ms[slot] = now_ms
        self.in_flight += 1
        return packet_id

    def release(self, packet_id):
        """It waits no longer. An id that did not wait changes nothing."""
        slot = packet_id % self.size
        if packet_id and self._ids[slot] == packet_id:
            self._ids[slot] = 0
            self.in_flight -= 1

    def is_overdue(self, now_ms, limit_ms):
        """Return whether any has waited for longer than limit_ms."""
        for slot in range(self.size):
            if self._ids[slot] and ticks_diff(now_ms, self._since_ms[slot]) > limit_ms:
                return True
        return False
