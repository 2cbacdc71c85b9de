"""Heated MQ gas element over a load resistor (Hanwei MQ-2, LPG): an indication in %LEL.

    supply ──[ element Rs ]──┬── input          Rs = load x (supply / V - 1)
                             └──[ load ]── 0 V  the heater has its own 5 V

What counts is Rs over its resistance in clean air, read against the data sheet's LPG line. Until
the heater has been on for warm_up_s there is never a value. The clean-air resistance is
configured; 0 takes the median of the last readings of the warm-up and a sixteenth more: alarms
then come up to 3 %LEL early, not late (GB 15322.2 [U] allows 3). That believes that the air was
clean then, which is wrong after a power cut in the middle of a leak: for a point that matters,
configure it.

Clean air drifts with weather and age, so it is followed, once a second:

    Rs above it           cleaner than believed: it rises by up to 1.6 % a second, to at most
                          twice what is configured (a leak from now on must not be missed)
    Rs below it           it sinks by 0.1 % a minute to 1/16 above Rs, and never below half of
                          the highest that it has been
    0.95 %LEL or more     frozen: below every level that a point may have (PRE_ALARM from 3 %LEL)

    V below 1 % of the supply     open: element, heater or wire (an ESP32 pin: up to 0.15 V)
    V above 98 % of the supply    short
    the input saturates           that means 5 %LEL or more, the lowest alarm level: reads as
                                  25 or more, for gas beyond the scale must alarm; else
                                  saturated: the load does not suit the element

A load of a tenth of the clean-air resistance suits an ADS1115 with a 5 V supply, and an ESP32
pin with the element (not the heater) at 3.0 to 3.3 V. An ESP32 pin with 5 V saturates before the
alarm level.
"""

from array import array
from time import ticks_diff

from micropython import const

from lib.codes import OPEN, SATURATED, SHORT, STARTING, UNCALIBRATED

# Rs in 1/10000 of clean air -> thousandths of a %LEL; the LEL of propane is 2.1 %vol = 21000 ppm.
# The data sheet's LPG line, straight on two log scales: Rs/Ro 1.62 at 200 ppm, 0.26 at 10000 ppm,
# clean air Rs/Ro 9.83. It says nothing above 10000 ppm: that is the most we say.
_CURVE = (
    (1650, 952),  # 200 ppm
    (1191, 1905),  # 400 ppm
    (916, 3333),  # 700 ppm
    (757, 5000),  # 1050 ppm
    (640, 7143),  # 1500 ppm
    (546, 10000),  # 2100 ppm
    (469, 13810),  # 2900 ppm
    (394, 20000),  # 4200 ppm
    (355, 25000),  # 5250 ppm
    (310, 33333),  # 7000 ppm
    (262, 47619),  # 10000 ppm
)
_HIGHEST_ALARM = const(25_000)  # thousandths of a %LEL, the highest alarm level allowed
_LOWEST_ALARM = const(5_000)
_FROZEN_FROM = const(952)  # where the data sheet's line begins
_HEARD = const(15)
_FOLLOW_MS = const(1000)
_SINKS_EVERY = const(60)
_ABOVE = const(4)  # learnt and followed to Rs + Rs/16
_RISE = const(6)  # parts of 64
_SINK = const(10)  # parts of 1024


class MqElement:
    """Delivers gas.pct_lel; `clean_air_ohm` is 0 until it is known."""

    def __init__(self, input, supply_mv=5000, load_ohm=10000, clean_air_ohm=0, warm_up_s=180):
        self._input = input
        self._supply_mv = supply_mv
        self._load_ohm = load_ohm
        self._open_below_uv = max(supply_mv * 10, input.floor_uv + 1)
        self._short_above_uv = supply_mv * 980
        self._cold_ms = warm_up_s * 1000  # 0 once warm: ticks cannot tell longer than six days
        self._since_ms = None  # power-on; once warm, when clean air was last followed
        self._heard = array("i", [0] * _HEARD)
        self._heard_count = 0
        self._calm = 0
        self._least_ohm = clean_air_ohm >> 1
        self._most_ohm = clean_air_ohm << 1  # 0: as much as can be measured
        self.clean_air_ohm = clean_air_ohm
        self.code = STARTING

    def read(self, now_ms):
        """Return thousandths of a %LEL, else None with the reason in `code`."""
        ohm = self._read_ohm()
        warm = self._is_warm(now_ms)
        if not self.clean_air_ohm and not self.code:
            self._learn(ohm, warm)
        if not warm:
            self.code = STARTING
        elif ohm is not None and not self.clean_air_ohm:
            self.code = UNCALIBRATED
        elif self.code == SATURATED:  # judged by the cleanest air that there was
            reading = self._pct_lel(ohm, self._least_ohm << 1)
            if reading >= _LOWEST_ALARM:
                self.code = 0
                return max(reading, _HIGHEST_ALARM)
        elif ohm is not None:
            reading = self._pct_lel(ohm, self.clean_air_ohm)
            if not 0 <= ticks_diff(now_ms, self._since_ms) < _FOLLOW_MS:
                self._since_ms = now_ms
                self._follow(ohm, reading)
            return reading
        return None

    def _read_ohm(self):
        """Return the resistance, with `code` SATURATED the most that it can be; else None."""
        uv = self._input.read_uv()
        self.code = 0 if uv is not None else self._input.code
        if self.code == SATURATED:
            uv = self._input.ceiling_uv
        elif self.code:
            return None
        if uv < self._open_below_uv:
            self.code = OPEN
            return None
        if uv > self._short_above_uv:
            self.code = SHORT
            return None
        mv = uv // 1000
        return self._load_ohm * (self._supply_mv - mv) // mv

    def _is_warm(self, now_ms):
        if self._since_ms is None:
            self._since_ms = now_ms
        if self._cold_ms and ticks_diff(now_ms, self._since_ms) >= self._cold_ms:
            self._cold_ms = 0
        return not self._cold_ms

    def _learn(self, ohm, warm):
        self._heard[self._heard_count % _HEARD] = ohm
        self._heard_count += 1
        if warm and self._heard_count >= _HEARD:
            ohm = sorted(self._heard)[_HEARD // 2]
            self.clean_air_ohm = ohm + (ohm >> _ABOVE)
            self._least_ohm = self.clean_air_ohm >> 1

    def _follow(self, ohm, reading):
        clean_ohm = self.clean_air_ohm
        if ohm > clean_ohm:
            clean_ohm = min(ohm, clean_ohm + (clean_ohm >> _RISE) + 1)
            if self._most_ohm:
                clean_ohm = min(clean_ohm, self._most_ohm)
            self._least_ohm = max(self._least_ohm, clean_ohm >> 1)
        elif reading < _FROZEN_FROM and ohm + (ohm >> _ABOVE) < clean_ohm:
            self._calm += 1
            if self._calm >= _SINKS_EVERY:
                self._calm = 0
                clean_ohm = max(clean_ohm - (clean_ohm >> _SINK), self._least_ohm)
        self.clean_air_ohm = clean_ohm

    def _pct_lel(self, ohm, clean_ohm):
        while clean_ohm > 100_000:  # keeps the product below 2**30
            clean_ohm >>= 1
            ohm >>= 1
        if ohm >= clean_ohm:
            return 0
        ratio = ohm * 10_000 // clean_ohm
        above, less = 10_000, 0  # clean air
        for below, more in _CURVE:
            if ratio >= below:
                return more - (ratio - below) * (more - less) // (above - below)
            above = below
            less = more
        return less
