"""Store and forward: what was appended is kept, in order, until the desk says it has stored it.

Append a record; the uplink reads by number; `release` lets go. This journal lives in RAM: two
bounded rings, lost with the power. A full ring drops its oldest record and counts it.
"""

from micropython import const

from lib import record

EVENTS = const(0)
SAMPLES = const(1)


class Lane:
    """One ring of sealed records, numbered from 1. Samples have a lane of their own, so they can
    never push out an event."""

    def __init__(self, number, capacity):
        self.number = number
        self._capacity = capacity
        self._ring = bytearray(capacity * record.SIZE)
        self.first = 1  # the oldest number still held
        self.next = 1  # the number that the next record gets
        self.stored = 0  # the desk has everything up to here
        self.lost = 0  # dropped before the desk had stored them

    @property
    def full(self):
        """Whether the next record drops the oldest."""
        return self.next - self.first == self._capacity

    def append(self, packed):
        """Seal a packed record with the next number and keep it; return the number."""
        n = self.next
        record.seal(packed, n)
        if self.full:
            self.first += 1
            self.lost += 1
        self._slot(n)[:] = packed
        self.next = n + 1
        return n

    def read(self, n, into):
        """Copy record `n` into a 32-byte buffer; return False where it is not held."""
        if not self.first <= n < self.next:
            return False
        into[:] = self._slot(n)
        return True

    def release(self, upto):
        """The desk has stored everything up to and including `upto`."""
        upto = min(upto, self.next - 1)  # a desk cannot have what was never written
        self.stored = max(self.stored, upto)
        if upto >= self.first:
            self.first = upto + 1

    def _slot(self, n):
        at = n % self._capacity * record.SIZE
        return memoryview(self._ring)[at : at + record.SIZE]


class Journal:
    """Both lanes under one epoch: a number that tells this journal from any before it."""

    def __init__(self, epoch, events=256, samples=128):
        self.epoch = epoch
        self.events = Lane(EVENTS, events)
        self.samples = Lane(SAMPLES, samples)
