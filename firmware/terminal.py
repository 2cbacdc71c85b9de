"""The terminal: whole lines typed at the USB serial port, and Improv's frames between them. What
they mean is loaded only while somebody types."""

import select
import sys

from micropython import const

from lib.forget import forget

LINE_MAX = const(80)
_BYTES_PER_STEP = const(64)
_NEWLINES = b"\r\n"
_STOP = b"\r\x03\r"  # mpremote's first bytes: Ctrl-C alone in a line
_QUIET_STEPS = const(5)  # half a second


class Terminal:
    """`operation` carries out what is typed; `about` is what Improv wants besides: the board, the
    configuration's gateway line; `stream` is where it comes from. The first bytes after a silence
    may stop the gateway; the same ones amid others are noise."""

    def __init__(self, operation, about, stream=None):
        self._operation = operation
        self._about = about
        self._improv = None  # while it has something to do
        self._stream = stream or sys.stdin.buffer
        self._poll = select.poll()
        self._poll.register(self._stream, select.POLLIN)
        self._line = bytearray()
        self._quiet_steps = _QUIET_STEPS
        self._first = b""  # after the last silence

    def step(self):
        """Take what was typed; carry out each line that it ends."""
        self._settle()
        if self._quiet_steps < _QUIET_STEPS:
            self._quiet_steps += 1
        for _ in range(_BYTES_PER_STEP):
            typed = self._stream.read(1) if self._poll.poll(0) else None
            if not typed:
                return
            self._heed(typed)
            if self._improv and self._improv.take(typed[0]):
                continue
            if typed in _NEWLINES:
                self._end()
            elif len(self._line) <= LINE_MAX:  # one more tells that it is too long
                self._line.extend(typed)
                if self._line[-6:] == b"IMPROV":
                    self._begin()

    def _heed(self, typed):
        if self._quiet_steps == _QUIET_STEPS:
            self._first = b""
        self._quiet_steps = 0
        if len(self._first) < len(_STOP):
            self._first += typed
            if self._first == _STOP:
                raise KeyboardInterrupt

    def _settle(self):
        """Go on with a network that is tried; forget Improv where there is nothing to do."""
        if self._improv and not self._improv.step():
            self._improv = None
            forget("improv", "lib.improv", "wifi")

    def _begin(self):
        from improv import Improv

        self._line = bytearray()
        self._improv = self._improv or Improv(self._operation, *self._about)
        self._improv.begin()

    def _end(self):
        line, self._line = self._line, bytearray()
        if line:
            self._settle()  # the heap has no room for both
            from console import answer

            print(answer(line, LINE_MAX, self._operation, self._operation.clock))
            forget("console", "acts", "lib.service", "lib.verbs")
