"""The terminal: whole lines typed at the USB serial port. What they mean is loaded only while
somebody types."""

import select
import sys

from micropython import const

from lib.forget import forget

LINE_MAX = const(80)
_BYTES_PER_STEP = const(64)
_NEWLINES = b"\r\n"


class Terminal:
    """`operation` carries out what is typed; `stream` is where it comes from."""

    def __init__(self, operation, clock, stream=None):
        self._operation = operation
        self._clock = clock
        self._stream = stream or sys.stdin.buffer
        self._poll = select.poll()
        self._poll.register(self._stream, select.POLLIN)
        self._line = bytearray()

    def step(self):
        """Take what was typed; carry out each line that it ends."""
        for _ in range(_BYTES_PER_STEP):
            typed = self._stream.read(1) if self._poll.poll(0) else None
            if not typed:
                return
            if typed in _NEWLINES:
                self._end()
            elif len(self._line) <= LINE_MAX:  # one more tells that it is too long
                self._line.extend(typed)

    def _end(self):
        line, self._line = self._line, bytearray()
        if line:
            from console import answer

            print(answer(line, LINE_MAX, self._operation, self._clock))
            forget("console", "acts", "lib.service", "lib.verbs")
