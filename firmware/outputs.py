"""The outputs task: they follow the panel at once, by the rules; patterns go on by themselves.

What a rule drives follows the points that it heeds. A sounder obeys silence, and what is no alarm
only beeps until somebody has acknowledged it. What stays, stays until a local reset, and over a
restart. Points in a walk test drive nothing but a chirp.
"""

import asyncio
from time import ticks_diff

from micropython import const

from drivers.indicator import BLIP, FAST, OFF, SLOW, STEADY
from lib.codes import NOT_TAKEN
from lib.forget import forget
from lib.point import ALARM, DRILLED, PRE_ALARM, TEST, TROUBLE

LOOK_MS = const(200)  # what the lamps show may be so old; alarms come by follow()
TICK_MS = const(50)  # while it chirps, or tests itself
CHIRP_MS = const(150)


class Ruled:
    """An output that rules drive; `tested` tells whether a self-test may switch it on, `bit`
    stands for it where what stays is kept."""

    def __init__(self, indicator, tested, bit):
        self.indicator = indicator
        self.tested = tested
        self.bit = bit
        self.held = False  # stays until a local reset
        self.rank = 0  # of the pattern that is wanted: the most urgent one counts
        self.pattern = OFF


class Outputs:
    """`indicators` by name; an output that a site does not wire is simply not there.

    `ruled` are the Ruled outputs by name; a point's rules are its `drives`:
    (ruled, condition bit, rank, pattern, stays, drills). `memory` outlives a restart: it has
    held_outputs() and keep_held_outputs(bits).
    """

    def __init__(self, indicators, ruled, panel, clock, memory):
        self._indicators = indicators
        self.ruled = [ruled[name] for name in sorted(ruled)]
        self._sounder = ruled.get("sounder")
        self._panel = panel
        self._clock = clock
        self._uplink = None
        self._chirps = panel.chirps
        self._chirp_ms = None  # since when it chirps
        self._test = None  # the self-test that runs
        self._wait_ms = LOOK_MS
        self._memory = memory
        self._kept = memory.held_outputs()
        for one in self.ruled:
            one.held = self._kept & one.bit != 0

    def watch(self, uplink):
        """From now on the link lamp shows this uplink."""
        self._uplink = uplink

    def follow(self, now_ms):
        """Show what the panel says now; called at every change, waits for nothing. Return in how
        many ms to call it again."""
        self._wait_ms = LOOK_MS
        self._decide()
        alarmed = self._panel.conditions & (ALARM | PRE_ALARM)
        if self._test and (alarmed or not self._test.step(now_ms)):
            self._test = None
        self._chirp(now_ms)
        for ruled in self.ruled:
            if not (self._test and ruled.tested):
                self._show(ruled.indicator, ruled.pattern, now_ms)
        if not self._test:
            self._show_lamps(now_ms)
        return TICK_MS if self._test or self._chirp_ms is not None else self._wait_ms

    def self_test(self, now_ms):
        """Switch on what draws attention, one after another, for a moment: no valve, no relay.
        Return False, and do nothing, while an alarm or pre-alarm stands."""
        if self._panel.conditions & (ALARM | PRE_ALARM):
            return False
        from selftest import SelfTest

        forget("selftest")
        lamps = [name for name in sorted(self._indicators) if name[-5:] == "_lamp"]
        tested = [one.indicator for one in self.ruled if one.tested]
        self._test = SelfTest(tested + [self._indicators[name] for name in lamps], now_ms)
        return True

    def remember(self):
        """Keep what stays over a restart; where that fails, it is kept until then."""
        held = 0
        for ruled in self.ruled:
            if ruled.held:
                held |= ruled.bit
        if held != self._kept:
            self._kept = held
            try:
                self._memory.keep_held_outputs(held)
            except OSError as error:
                print("what stays is not kept over a restart:", error)

    def _decide(self):
        """Ask every output for what the points want of it."""
        panel = self._panel
        for ruled in self.ruled:
            ruled.rank = 0
            ruled.pattern = STEADY if ruled.held else OFF
        for point in panel.points:
            if point.conditions and point.mode != TEST:
                self._take(point)
        sounder = self._sounder
        if sounder and panel.calls and not panel.sounding:  # silenced
            sounder.pattern = OFF

    def _take(self, point):
        conditions = point.conditions
        drilled = point.mode == DRILLED
        for ruled, bit, rank, pattern, stays, drills in point.drives:
            if not conditions & bit or (drilled and bit == ALARM and not drills):
                continue
            if ruled is self._sounder and bit != ALARM and point.acknowledged & bit:
                continue
            if stays and not drilled:
                ruled.held = True
            if rank > ruled.rank:
                ruled.rank = rank
                ruled.pattern = pattern

    def _chirp(self, now_ms):
        """A point in a walk test has come on: one short sound, unless it sounds anyway."""
        sounder = self._sounder
        chirps = self._panel.chirps
        if chirps != self._chirps:
            self._chirps = chirps
            self._chirp_ms = now_ms
        if self._chirp_ms is None:
            return
        if ticks_diff(now_ms, self._chirp_ms) >= CHIRP_MS:
            self._chirp_ms = None
        elif sounder and not sounder.rank:
            sounder.pattern = STEADY

    def _show_lamps(self, now_ms):
        panel = self._panel
        out_of_service = panel.disabled or panel.testing
        trouble = STEADY if panel.conditions & TROUBLE else OFF
        if out_of_service and trouble is OFF and "disabled_lamp" not in self._indicators:
            trouble = SLOW
        lamps = self._indicators
        self._show(lamps.get("power_lamp"), STEADY, now_ms)
        self._show(lamps.get("alarm_lamp"), self._alarm_pattern(), now_ms)
        self._show(lamps.get("trouble_lamp"), trouble, now_ms)
        self._show(lamps.get("disabled_lamp"), STEADY if out_of_service else OFF, now_ms)
        self._show(lamps.get("link_lamp"), self._link_pattern(), now_ms)

    def _alarm_pattern(self):
        """Fast: nobody has acknowledged it yet. Steady: an alarm. Slow: a pre-alarm."""
        panel = self._panel
        if panel.conditions & ALARM:
            return FAST if panel.unacknowledged & ALARM else STEADY
        return SLOW if panel.conditions & PRE_ALARM else OFF

    def _link_pattern(self):
        """Steady: the desk has stored everything. Slow: it has, and nobody takes the alarm. Fast:
        it has not. Blips: no broker."""
        if self._uplink is None or not self._uplink.connected:
            return BLIP
        if not self._uplink.confirmed:
            return FAST
        return SLOW if self._panel.gateway.ails(NOT_TAKEN) else STEADY

    def _show(self, indicator, pattern, now_ms):
        if indicator:
            self._wait_ms = min(self._wait_ms, indicator.show(pattern, now_ms))

    async def run(self, beat):
        """Keep the patterns going."""
        while True:
            now_ms = self._clock.ms()
            self._panel.refresh()  # the gateway's own troubles come from other tasks
            wait_ms = self.follow(now_ms)
            self.remember()  # writes flash: not on the way of an alarm
            beat(now_ms)
            await asyncio.sleep_ms(wait_ms)
