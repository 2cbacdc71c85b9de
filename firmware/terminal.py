"""The terminal: whole lines typed at the USB serial port, and Improv's frames between them. What
they mean is loaded only while somebody types."""

import select
import sys

from micropython import const, kbd_intr

from lib.forget import forget

LINE_MAX = const(80)
_BYTES_PER_STEP = const(64)
_NEWLINES = b"\r\n"


class Terminal:
    """`operation` carries out what is typed; `about` is what Improv wants besides: the board, the
    configuration's gateway line; `stream` is where it comes from."""

    def __init__(self, operation, about, stream=None):
        kbd_intr(-1)  # a frame may have any byte: Ctrl-C comes as one, and console.py knows it
        self._operation = operation
        self._about = about
        self._improv = None  # while it has something to do
        self._stream = stream or sys.stdin.buffer
        self._poll = select.poll()
        self._poll.register(self._stream, select.POLLIN)
        self._line = bytearray()

    def step(self):
        """Take what was typed; carry out each line that it ends."""
        if self._improv and not self._improv.step():
            self._improv = None
            forget("improv", "lib.improv", "wifi")
        for _ in range(_BYTES_PER_STEP):
            typed = self._stream.read(1) if self._poll.poll(0) else None
            if not typed:
                return
            if self._improv and self._improv.take(typed[0]):
                continue
            if typed in _NEWLINES:
                self._end()
            elif len(self._line) <= LINE_MAX:  # one more tells that it is too long
                self._line.extend(typed)
                if self._line[-6:] == b"IMPROV":
                    self._begin()

    def _begin(self):
        from improv import Improv

        self._line = bytearray()
        self._improv = self._improv or Improv(self._operation, *self._about)
        self._improv.begin()

    def _end(self):
        line, self._line = self._line, bytearray()
        if line:
            from console import answer

            print(answer(line, LINE_MAX, self._operation, self._operation.clock))
            forget("console", "acts", "lib.service", "lib.verbs")
