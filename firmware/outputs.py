"""The outputs task: sounder and lamps follow the panel at once; patterns go on by themselves."""

import asyncio

from micropython import const

from drivers.indicator import BLIP, FAST, OFF, SLOW, STEADY
from lib.point import ALARM, PRE_ALARM, TROUBLE

TICK_MS = const(50)


class Outputs:
    """`indicators` by name; an output that a site does not wire is simply not there."""

    def __init__(self, indicators, panel, clock):
        self._indicators = indicators
        self._panel = panel
        self._clock = clock
        self._uplink = None

    def watch(self, uplink):
        """From now on the link lamp shows this uplink."""
        self._uplink = uplink

    def follow(self, now_ms):
        """Show what the panel says now; called at every change, waits for nothing."""
        panel = self._panel
        self._show("sounder", STEADY if panel.sounding else OFF, now_ms)
        self._show("alarm_lamp", self._alarm_pattern(), now_ms)
        self._show("trouble_lamp", STEADY if panel.conditions & TROUBLE else OFF, now_ms)
        self._show("power_lamp", STEADY, now_ms)
        self._show("link_lamp", self._link_pattern(), now_ms)

    def self_test(self, now_ms):
        """Switch every output on for a moment."""

    def _alarm_pattern(self):
        conditions = self._panel.conditions
        if conditions & ALARM:
            return STEADY
        return SLOW if conditions & PRE_ALARM else OFF

    def _link_pattern(self):
        """Steady: the desk has stored everything. Fast: sending. Blips: no broker."""
        if self._uplink is None or not self._uplink.connected:
            return BLIP
        return STEADY if self._uplink.confirmed else FAST

    def _show(self, name, pattern, now_ms):
        indicator = self._indicators.get(name)
        if indicator:
            indicator.show(pattern, now_ms)

    async def run(self, beat):
        """Keep the patterns going."""
        while True:
            now_ms = self._clock.ms()
            self._panel.refresh()  # the gateway's own troubles come from other tasks
            self.follow(now_ms)
            beat(now_ms)
            await asyncio.sleep_ms(TICK_MS)
