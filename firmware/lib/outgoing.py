"""A journal lane on its way to the desk: what goes out next, and whether the desk keeps up."""

from micropython import const

from lib.cursor import Cursor
from lib.silence import Silence

BEHIND_MS = const(3000)  # the desk has answered, and does not have what was sent


class Outgoing:
    """The desk must store something of what stands out within `limit_ms`, and soon after it has
    answered without. Else all that is not stored goes out again: a broker may have forgotten
    it."""

    def __init__(self, lane, limit_ms, now_ms):
        self.lane = lane
        self.cursor = Cursor(lane)
        self._desk = Silence(limit_ms, now_ms)
        self._sent = Silence(limit_ms, now_ms)
        self._behind = Silence(BEHIND_MS, now_ms)
        self._answered = False  # since the desk last stored something, or it was sent again
        self._stored = lane.stored

    def restart(self, now_ms):
        """A new session: nothing of the last one is on its way any more."""
        self._send_again(now_ms)
        if not self._desk.lasts:  # a desk that was away is back when it stores, not before
            self._desk.heard(now_ms)

    def answered(self, now_ms):
        """The desk has said up to where it has this lane."""
        if not self._answered:
            self._answered = True
            self._behind.heard(now_ms)

    def desk_is_silent(self, now_ms):
        """Return whether the desk has stored nothing for too long; call it often in a session."""
        lane = self.lane
        if lane.stored != self._stored or lane.stored == lane.next - 1:
            self._stored = lane.stored
            self._desk.heard(now_ms)
            self._sent.heard(now_ms)
            self._answered = False
        if self._sent.update(now_ms) or (self._answered and self._behind.update(now_ms)):
            self._send_again(now_ms)
        return self._desk.update(now_ms)

    def _send_again(self, now_ms):
        self.cursor.rewind()
        self._sent.heard(now_ms)
        self._answered = False
