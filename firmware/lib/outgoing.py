"""A journal lane on its way to the desk: what goes out next, and whether the desk keeps up."""

from lib.cursor import Cursor
from lib.silence import Silence


class Outgoing:
    """The desk must store something of what stands out within `limit_ms`. Where it does not, all
    that is not stored goes out again, once for each such time: a broker may have forgotten it."""

    def __init__(self, lane, limit_ms, now_ms):
        self.lane = lane
        self.cursor = Cursor(lane)
        self._desk = Silence(limit_ms, now_ms)
        self._sent = Silence(limit_ms, now_ms)
        self._stored = lane.stored

    def restart(self, now_ms):
        """A new session: nothing of the last one is on its way any more."""
        self.cursor.rewind()
        self._sent.heard(now_ms)
        if not self._desk.lasts:  # a desk that was away is back when it stores, not before
            self._desk.heard(now_ms)

    def desk_is_silent(self, now_ms):
        """Return whether the desk has stored nothing for too long; call it often in a session."""
        lane = self.lane
        if lane.stored != self._stored or lane.stored == lane.next - 1:
            self._stored = lane.stored
            self._desk.heard(now_ms)
            self._sent.heard(now_ms)
        if self._sent.update(now_ms):
            self._sent.heard(now_ms)
            self.cursor.rewind()
        return self._desk.update(now_ms)
