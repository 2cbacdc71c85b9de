"""The terminal task: whole lines typed at the USB serial port. What they mean is loaded only while
somebody types."""

import asyncio
import select
import sys

from micropython import const

from lib.forget import forget

TICK_MS = const(100)
_LINE_MAX = const(80)
_BYTES_PER_TICK = const(64)


class Terminal:
    """`operation` carries out what is typed."""

    def __init__(self, operation, clock, stream=None):
        self._operation = operation
        self._clock = clock
        self._stream = stream or sys.stdin.buffer
        self._poll = select.poll()
        self._poll.register(self._stream, select.POLLIN)
        self._line = bytearray()

    def step(self):
        """Take what was typed; carry out the line that it ends."""
        for _ in range(_BYTES_PER_TICK):
            if not self._poll.poll(0):
                return
            typed = self._stream.read(1)
            if not typed:
                return
            if typed in b"\r\n":
                self._end()
            elif len(self._line) < _LINE_MAX:
                self._line.extend(typed)

    def _end(self):
        line, self._line = self._line, bytearray()
        if line:
            from console import carry_out

            print(carry_out(str(line, "utf-8", "replace"), self._operation, self._clock))
            forget("console")

    async def run(self, beat):
        """Step for ever."""
        while True:
            beat(self._clock.ms())
            self.step()
            await asyncio.sleep_ms(TICK_MS)
