"""What happens at the gateway: a point changes, a person acts, a time runs out. Always in this
order: the panel takes it in, the outputs follow, the record is written."""

from lib.codes import NOT_TAKEN
from lib.forget import forget
from lib.silence import Silence
from lib.verbs import ENDED, ITSELF, SILENCE

_ITSELF = (ITSELF, 0, 0, 0)


class Operation:
    """`outputs` follow the panel; `recorder` writes what happened. An ALARM that nobody has
    acknowledged for `taken_s` is a TROUBLE of its own. `said` is what it said of itself."""

    def __init__(self, panel, outputs, recorder, clock, taken_s=60, said=""):
        self.said = said
        self.panel = panel
        self.outputs = outputs
        self.recorder = recorder
        self.clock = clock
        self.restored = ()  # points whose bypass came back after a start
        self._taken = Silence(taken_s * 1000, clock.ms())

    def changed(self, point, changed):
        """A point's condition bits came or went."""
        silence_ended = self.panel.take(point, changed)
        self.outputs.follow(self.clock.ms())
        self.recorder.condition(point, changed)
        if silence_ended:
            self.recorder.act(SILENCE, ENDED, _ITSELF, None, 0)

    def tend(self, now_ms):
        """End what has run its time; tell of an alarm that nobody takes."""
        if not self.panel.waits_for_somebody():
            self._taken.heard(now_ms)
        self.recorder.trouble(NOT_TAKEN, self._taken.update(now_ms))
        act = self.panel.over(now_ms)
        while act:
            self._late("run_out", act, _ITSELF)
            act = self.panel.over(now_ms)

    def act(self, verb, point, minutes, author):
        """Carry out a verb; return its result and the point of its event: a refusal names the one
        that refuses.

        `point` None is the whole gateway. `minutes` None is the usual time, 0 ends what runs. An
        author is (how, person, reason, id of the command)."""
        return self._late("act", verb, point, minutes, author)

    def _late(self, name, *about):
        from acts import Acts  # loaded only while somebody acts

        done = getattr(Acts(self), name)(*about)
        forget("acts", "lib.service", "lib.verbs")
        return done
