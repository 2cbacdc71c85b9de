"""From what happened to a record in the journal: the only writer of events and samples."""

from lib import record
from lib.codes import TASK_FAILED
from lib.forget import forget
from lib.point import TROUBLE


class _Note:
    """An event of the gateway itself, in the shape that a record is packed from."""

    number = 0

    def __init__(self):
        self.mode = self.conditions = self.code = 0
        self.value = None


class Recorder:
    """Packs into one buffer and appends; nothing here waits."""

    def __init__(self, clock, journal, gateway):
        self._clock = clock
        self._journal = journal
        self._gateway = gateway
        self._note = _Note()
        self._buffer = bytearray(record.SIZE)
        self._lost_told = 0

    def condition(self, point, changed):
        """A point's condition bits came or went."""
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
        forget("lib.act", "lib.verbs")
        self._journal.events.append(self._buffer)

    def sample(self, point, summary):
        """A point's interval is over."""
        record.pack_sample(self._buffer, self._clock, point, summary)
        self._journal.samples.append(self._buffer)

    def task_failed(self, name, error):
        """A task raised, or ended; it is started again or the board resets."""
        print("task failed:", name, repr(error))
        self.trouble(TASK_FAILED, True)

    def losses(self):
        """Tell how many events a full journal has dropped since this was last asked."""
        lost = self._journal.events.lost - self._lost_told
        if lost:
            self._lost_told += lost
            self.note(record.LOST, value=lost * 1000)

    def _event(self, event, source, changed, limit):
        record.pack_event(self._buffer, self._clock, event, source, changed, limit)
        self._journal.events.append(self._buffer)
