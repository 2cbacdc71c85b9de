"""From what happened to a record in the journal: the only writer of events and samples."""

import asyncio
from time import ticks_add, ticks_diff

from micropython import const

from lib import record
from lib.codes import RECORDS_LOST, TASK_FAILED
from lib.forget import forget
from lib.point import ALARM, TROUBLE

STEP_MS = const(500)
QUIET_MS = const(10000)  # after an alarm: nothing may hold up the next one


class _Note:
    """An event of the gateway itself, in the shape that a record is packed from."""

    number = 0

    def __init__(self):
        self.mode = self.conditions = self.code = 0
        self.value = None


class Recorder:
    """Packs into one buffer and appends; what it does for an alarm waits for nothing."""

    def __init__(self, clock, journal, gateway):
        self._clock = clock
        self._journal = journal
        self._gateway = gateway
        self._note = _Note()
        self._buffer = bytearray(record.SIZE)
        self._lost_told = [0, 0]  # of each lane
        self._points = ()
        self._quiet_ms = clock.ms()  # not before: the points have just begun to look
        self.news = asyncio.Event()  # something waits to be sent

    def condition(self, point, changed):
        """A point's condition bits came or went."""
        if changed & point.conditions & ALARM:
            self._quiet_ms = ticks_add(self._clock.ms(), QUIET_MS)
        self._event(record.CONDITION, point, changed, point.limit_of(changed))

    def trouble(self, code, stands):
        """A trouble of the gateway itself came or went; saying it twice is no news."""
        if self._gateway.trouble(code, stands):
            self.note(record.CONDITION, code, TROUBLE)

    def note(self, event, code=0, changed=0, value=None):
        """Something else happened to the gateway; `code` or `value` says what."""
        note = self._note
        note.conditions = self._gateway.conditions
        note.code = code
        note.value = value
        self._event(event, note, changed, None)

    def act(self, verb, result, author, point, minutes):
        """A person acted, or what somebody began came to its end."""
        from lib.act import pack_act

        pack_act(self._buffer, self._clock, verb, result, author, point, minutes)
        del pack_act  # what comes next must not pile up on it
        forget("lib.act")
        from lib.lasting import follow_act

        self._append()
        del follow_act
        forget("lib.lasting", "lib.verbs")

    def sample(self, point, summary):
        """A point's interval is over."""
        record.pack_sample(self._buffer, self._clock, point, summary)
        self._journal.samples.append(self._buffer)
        self.news.set()

    def task_failed(self, name, error):
        """A task raised, or ended; it is started again or the board resets."""
        print("task failed:", name, repr(error))
        self.trouble(TASK_FAILED, True)

    def recovered(self):
        """Tell what the journal has found in its flash at the start."""
        for lane, found in enumerate(self._journal.found):
            if found.odd or found.torn:
                print("journal: lane", lane, "sectors", found.odd, "torn", found.torn)
            if found.renumbered or found.other_format:  # nobody knows how many
                self.note(record.LOST, RECORDS_LOST, changed=lane)
        self._journal.found = ()  # or it keeps all of lib.recovery in memory

    def watch(self, points):
        """Before one of these raises a condition, and while an alarm is young, no sector is
        erased ahead."""
        self._points = points

    def step(self, now_ms):
        """Look after the journal, and tell what it has lost."""
        self._journal.tend(self._is_quiet(now_ms))
        self.trouble(RECORDS_LOST, self._journal.failing)
        for lane in (self._journal.events, self._journal.samples):
            lost = lane.lost - self._lost_told[lane.number]
            if lost:
                self._lost_told[lane.number] = lane.lost
                self.note(record.LOST, changed=lane.number, value=lost * 1000)
                lane.tell()

    async def run(self, beat):
        """Step for ever."""
        while True:
            now_ms = self._clock.ms()
            beat(now_ms)
            self.step(now_ms)
            await asyncio.sleep_ms(STEP_MS)

    def _is_quiet(self, now_ms):
        if ticks_diff(now_ms, self._quiet_ms) < 0:
            return False
        self._quiet_ms = now_ms  # ticks wrap
        return not any(point.waits() for point in self._points)

    def _event(self, event, source, changed, limit):
        record.pack_event(self._buffer, self._clock, event, source, changed, limit)
        self._append()

    def _append(self):
        self._journal.events.append(self._buffer)
        self.news.set()
