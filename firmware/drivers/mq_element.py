"""Heated MQ gas element over a load resistor (Hanwei MQ-2, LPG): an indication in %LEL.

    supply ──[ element Rs ]──┬── input          Rs = load x (supply / V - 1)
                             └──[ load ]── 0 V  the heater has its own 5 V

What counts is Rs over its resistance in clean air, read against the data sheet's LPG line. Until
the heater has been on for warm_up_s there is never a value. The clean-air resistance is
configured; 0 takes the median of the last readings of the warm-up. That believes that the air
was clean then, which is wrong after a power cut in the middle of a leak: for a point that
matters, configure it.

    V below 1 % of the supply     open: element, heater or wire (an ESP32 pin: up to 0.15 V)
    V above 98 % of the supply    short
    the input saturates           25 %LEL or more reads as such: gas beyond the scale must alarm;
                                  else saturated: the load does not suit the element

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
_HEARD = const(15)


class MqElement:
    """Delivers gas.pct_lel; `clean_air_ohm` is 0 until it is known."""

    def __init__(self, input, supply_mv=5000, load_ohm=10000, clean_air_ohm=0, warm_up_s=180):
        self._input = input
        self._supply_mv = supply_mv
        self._load_ohm = load_ohm
        self._open_below_uv = max(supply_mv * 10, input.floor_uv + 1)
        self._short_above_uv = supply_mv * 980
        self._cold_ms = warm_up_s * 1000  # 0 once warm: ticks cannot tell longer than six days
        self._since_ms = None
        self._heard = array("i", [0] * _HEARD)
        self._heard_count = 0
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
        elif ohm is not None:
            reading = self._pct_lel(ohm)
            if not self.code or reading >= _HIGHEST_ALARM:
                self.code = 0
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
            self.clean_air_ohm = sorted(self._heard)[_HEARD // 2]

    def _pct_lel(self, ohm):
        clean_ohm = self.clean_air_ohm
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
