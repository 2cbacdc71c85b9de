"""The gateway's state as the desk sees it: a head, then every point, in parts of one version."""

import gc

from micropython import const

from lib.panel import left_s
from lib.payload import put_field, put_point
from lib.record import QUALITIES
from lib.verbs import BYPASS, SILENCE

POINTS_PER_PART = const(8)  # what surely fits into one message


class Report:
    """`renew` begins a version and returns how many parts it has; `put` writes one of them.
    `units` maps every point's number to its unit."""

    def __init__(self, identity, panel, clock, journal, health, tasks, board):
        self._board = board
        self._identity = identity  # (key, value) pairs that never change while running
        self._panel = panel
        self._points = points = [panel.gateway] + panel.points
        self.units = {point.number: point.unit for point in points}
        self._clock = clock
        self._journal = journal
        self._health = health
        self._tasks = tasks
        self._version = 0
        self._parts = 1 + (len(points) + POINTS_PER_PART - 1) // POINTS_PER_PART

    def renew(self):
        """Begin a new version; return the count of its parts: the head, then the points."""
        self._version += 1
        return self._parts

    def put(self, number, message):
        """Write part `number` into a message that was begun: the head's fields, or points."""
        at = (number - 1) * POINTS_PER_PART
        for piece in self._points[at : at + POINTS_PER_PART] if number else self._head():
            if number:
                bypassed_s = self._left_s(BYPASS, piece)
                put_point(message.text, piece, self._version, number, bypassed_s)
            else:
                put_field(message.text, *piece)
            if not message.put():
                raise ValueError("state part too long")

    def _left_s(self, verb, point=None):
        return left_s(self._panel.find(verb, point), self._clock.ms())

    def _head(self):
        clock = self._clock
        events = self._journal.events
        samples = self._journal.samples
        first_alarm = self._panel.first_alarm
        return self._identity + [
            ("version", self._version),
            ("part", 0),
            ("parts", self._parts),
            ("epoch", self._journal.epoch),
            ("boot", clock.boot),
            ("up_s", clock.up_s),
            ("time_s", clock.time_s() or None),
            ("time_quality", QUALITIES[clock.quality]),
            ("heap_free_bytes", gc.mem_free()),
            ("heap_low_bytes", self._health.heap_low_bytes),
            ("points", len(self._points) - 1),
            ("silenced_s", self._left_s(SILENCE)),
            ("first_alarm", first_alarm.number if first_alarm else None),
            ("events_first", events.first),
            ("events_next", events.next),
            ("events_stored", events.stored),
            ("events_lost", events.lost),
            ("samples_first", samples.first),
            ("samples_next", samples.next),
            ("samples_stored", samples.stored),
            ("samples_lost", samples.lost),
            ("events_erases", events.erases),
            ("samples_erases", samples.erases),
            ("tasks_restarted", self._tasks.restarts),
            ("rssi_dbm", self._board.network()[1] if self._board.has_network() else None),
        ]
