"""In the VM: a journal's workload, with the power cut at every program and every erase.

Arguments: sector size, sectors of each ring, appends, seed. Before an operation is carried out, it
is carried out on a copy in three ways as a power cut leaves it, and a fresh journal must make the
best of each copy: while it does, the power is cut a second time at each of its own operations.
Prints one line of JSON: what was tried.
"""

import json
import random
import sys

from lib.journal import Journal
from lib.recovery import remembered

CONDITION, OTHER, ACT = 1, 2, 6  # events
ACKNOWLEDGE, BYPASS, ENDED = 1, 4, 2  # verbs, and a result
MINUTES = 240
CLEAN, HALF, TORN = range(3)
WAYS = 3
SENT_AGAIN = 64  # records at most, after a power cut


class Flash:
    """NOR flash in RAM; `before` is called with each operation that is about to change it."""

    def __init__(self, count, size, data=None):
        self.count = count
        self.size = size
        self.data = data or bytearray(b"\xff" * (count * size))
        self.before = None
        self.erases = 0

    def copy(self):
        return Flash(self.count, self.size, bytearray(self.data))

    def readblocks(self, block, buffer, offset):
        at = block * self.size + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset):
        at = block * self.size + offset
        if self.before:
            self.before(self, at, buffer)
        self.program(at, buffer)
        assert self.data[at : at + len(buffer)] == buffer, "programmed what was not erased"

    def ioctl(self, operation, argument):
        if operation == 6:
            if self.before:
                self.before(self, argument * self.size, None)
            self.erases += 1
            self.erase(argument * self.size, self.size)
        return {4: self.count, 5: self.size}.get(operation, 0)

    def program(self, at, data):
        for i in range(len(data)):
            self.data[at + i] &= data[i]

    def erase(self, at, size):
        self.data[at : at + size] = b"\xff" * size

    def cut(self, at, data, way):
        """Carry out an operation as far as a power cut lets it; `data` None: an erase."""
        if way == CLEAN:
            return
        if data is None and way == HALF:
            half = self.size // 2
            self.erase(at + random.choice((0, half)), half)
        elif data is None:
            for i in range(at, at + self.size):
                self.data[i] |= random.getrandbits(8)
        elif way == HALF:
            self.program(at, memoryview(data)[: len(data) // 2])
        else:
            self.program(at, bytes([byte | random.getrandbits(8) for byte in data]))


class Model:
    """What the journal has promised so far, and what it is being asked for."""

    def __init__(self):
        self.records = ({}, {})  # by lane and number: the packed record that was durable
        self.states = {}  # by point: what stands by the last of the durable events
        self.record = None  # (lane, packed) while an append is on its way
        self.stored = [0, 0]  # as of the last release that came to its end
        self.epoch = 0  # 0: not yet certain

    def judge(self, journal, live):
        """Fail unless a recovered journal has what the live one had promised."""
        self._judge_lane(journal.events, live.events)
        self._judge_lane(journal.samples, live.samples)
        found = dict(remembered(journal.events.states))
        states = self.states
        if journal.events.next > live.events.next:
            states = followed(states, self.record[1])
        assert found == states, ("states", found, states)
        if self.epoch:
            assert journal.epoch == self.epoch, "a new epoch without need"

    def as_recovered(self, journal):
        """Return a model of what a recovered journal promises from now on."""
        model = Model()
        model.records = dict(self.records[0]), dict(self.records[1])
        for lane in (journal.events, journal.samples):
            records = model.records[lane.number]
            if lane.next > len(records) + 1:
                records[lane.next - 1] = self.record[1]
        model.states = dict(remembered(journal.events.states))
        model.stored = [journal.events.stored, journal.samples.stored]
        model.epoch = self.epoch
        return model

    def _judge_lane(self, lane, was):
        records = self.records[lane.number]
        ends = [was.next]
        if self.record and self.record[0] == lane.number:
            ends.append(was.next + 1)
        assert lane.next in ends, ("next", lane.number, lane.next, ends)
        assert lane.first <= was.first, ("gone", lane.number, lane.first, was.first)
        bound = self.stored[lane.number] - SENT_AGAIN
        assert bound < lane.stored <= was.stored, ("stored", lane.stored, bound, was.stored)
        assert not lane.in_ram
        buffer = bytearray(32)
        for n in range(lane.first, lane.next):
            if not lane.read(n, buffer):
                raise AssertionError(("unreadable", lane.number, n, lane.first, lane.next))
            packed = records[n] if n < was.next else self.record[1]
            assert buffer[4:28] == packed[4:28], ("other", lane.number, n)


def followed(states, packed):
    """Return what stands by point after one more event: 8 bytes as docs/SPEC-journal.md says."""
    states = {point: bytearray(state) for point, state in states.items()}
    point = packed[6] | packed[7] << 8
    event, bits, changed = packed[18], packed[19] & 15, packed[19] >> 4
    if event == CONDITION:
        state = states.setdefault(point, bytearray(8))
        state[0] = bits | (state[0] >> 4 & ~changed & bits) << 4
    elif event == ACT and bits == ACKNOWLEDGE:
        for one in [point] if point in states else [] if point else states:
            states[one][0] = states[one][0] & 15 | (states[one][0] & 15) << 4
    elif event == ACT and bits == BYPASS:
        state = states.setdefault(point, bytearray(8))
        state[1:] = bytes(7)
        if not changed:
            state[1] = 1
            state[2:4] = (MINUTES).to_bytes(2, "little")
            state[4:8] = packed[8:12]
    return {point: bytes(state) for point, state in states.items() if any(state)}


def random_bytes():
    return bytearray(random.getrandbits(8) for _ in range(32))


def an_event():
    """Return a packed event: most of them change what stands."""
    packed = random_bytes()
    packed[6:8] = bytes((random.randrange(1, 7), 0))
    packed[13] = 0  # in earnest
    packed[14:18] = bytes(4)  # without a clock
    what = random.randrange(6)
    packed[18] = (CONDITION, CONDITION, CONDITION, ACT, ACT, OTHER)[what]
    if what == 3:
        packed[19] = ACKNOWLEDGE
        packed[6] *= random.randrange(2)  # 0: all
    elif what == 4:
        packed[19] = BYPASS | random.choice((0, ENDED)) << 4
        packed[20:24] = (MINUTES << 19).to_bytes(4, "little")
    return packed


class Trial:
    """One workload on two small rings."""

    def __init__(self, count, size):
        self.rings = Flash(count, size), Flash(count, size)
        self.model = Model()
        self.live = None
        self.points = 0  # operations that change the flash: where the power can be cut
        self.tried = [0] * WAYS
        self.second = 0
        for ring in self.rings:
            ring.before = self.cut

    def cut(self, ring, at, data):
        """Before an operation of the live journal: cut the power in it, in every way."""
        self.points += 1
        if self.live is None:
            self._cut_the_first_start(ring, at, data)
            return
        for way in range(WAYS):
            rings = self._cut_copy(self.rings, ring, at, data, way)
            self._come_back(rings, (self.points + way) % WAYS)
            self.tried[way] += 1

    def _cut_copy(self, rings, ring, at, data, way):
        copies = [each.copy() for each in rings]
        copies[rings.index(ring)].cut(at, data, way)
        return copies

    def _cut_the_first_start(self, ring, at, data):
        for way in range(WAYS):
            journal = Journal(*self._cut_copy(self.rings, ring, at, data, way), fresh())
            assert (journal.events.next, journal.samples.next) == (1, 1) and journal.epoch
            assert self._goes_on(journal, Model())
            self.tried[way] += 1

    def _come_back(self, rings, second_way):
        """Recover, judge, go on; and cut the power once more at each operation of that."""
        model, live = self.model, self.live

        def cut_again(ring, at, data):
            copies = self._cut_copy(rings, ring, at, data, second_way)
            model.judge(Journal(*copies, fresh()), live)
            self.second += 1

        for ring in rings:
            ring.before = cut_again
        journal = Journal(*rings, fresh())
        model.judge(journal, live)
        model = model.as_recovered(journal)
        live = journal
        assert self._goes_on(journal, model)
        journal.events.tell()  # a position, wherever it stands, must not hide what stands
        for ring in rings:
            ring.before = None
        again = Journal(*rings, fresh())
        model.judge(again, live)
        assert again.events.next == journal.events.next

    def _goes_on(self, journal, model):
        """Return whether the next append works, and is there."""
        packed = bytearray(b"goes on" + bytes(25))
        model.record = (0, packed)
        back = bytearray(32)
        n = journal.events.append(packed)
        model.records[0][n] = packed
        return n and journal.events.read(n, back) and back[4:28] == packed[4:28]

    def run(self, appends):
        """Append, release and tend as it comes."""
        self.live = None
        journal = Journal(*self.rings, fresh())
        self.live = journal
        model = self.model
        model.epoch = journal.epoch
        for _ in range(appends):
            self._append(journal, random.randrange(4) == 0)
            what = random.randrange(10)
            if what < 3:
                self._release(journal)
            elif what == 4 and journal.events.lost:
                journal.events.tell()
            elif what < 8:
                journal.tend(what < 7)

    def _append(self, journal, is_sample):
        lane = journal.samples if is_sample else journal.events
        packed = random_bytes() if is_sample else an_event()
        self.model.record = (lane.number, packed)
        n = lane.append(packed)
        assert n == len(self.model.records[lane.number]) + 1
        self.model.records[lane.number][n] = packed
        self.model.record = None
        if not is_sample:
            self.model.states = followed(self.model.states, packed)

    def _release(self, journal):
        """The desk stores sometimes a little, sometimes a lot, sometimes nothing for long."""
        for lane in (journal.events, journal.samples):
            if lane.next // 100 % 2:
                lane.release(random.randrange(lane.stored, lane.next))
                self.model.stored[lane.number] = lane.stored


def fresh():
    return random.getrandbits(32) | 1


def main(size, count, appends, seed):
    random.seed(seed)
    trial = Trial(count, size)
    trial.run(appends)
    journal = trial.live
    print(
        json.dumps(
            {
                "appends": journal.events.next + journal.samples.next - 2,
                "rounds": [ring.erases // count for ring in trial.rings],
                "points": trial.points,
                "tried": trial.tried,
                "second": trial.second,
                "lost": journal.events.lost,
            }
        )
    )


main(*map(int, sys.argv[1:]))
