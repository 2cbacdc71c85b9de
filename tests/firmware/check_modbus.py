"""One value of a Modbus station: words, signs, scale, range."""

from drivers.modbus import Modbus
from lib.codes import ABOVE_RANGE, BELOW_RANGE, BUS_EXCEPTION, BUS_TIMEOUT, STARTING

from fakes import read_with_heap_locked


class FakeStation:
    """Notes what is asked for; shows two words, or a trouble."""

    def __init__(self, first=0, second=0, code=0):
        self.first = first
        self.second = second
        self.code = code
        self.asked = None

    def query(self, function, register, words):
        self.asked = (function, register, words)
        return self

    def trouble(self, now_ms):
        return self.code


def _read(first, second=0, **params):
    driver = Modbus(FakeStation(first, second), **params)
    return driver.read(0), driver.code


def test_it_asks_for_its_register():
    station = FakeStation()
    Modbus(station, function=4, register=65535, words=2)
    assert station.asked == (4, 65535, 2)


def test_sixteen_bits_signed_or_not():
    params = {"scale_thousandths": 100, "span": 200}  # 0.1 °C a count
    for word, signed, expected in (
        (0, 0, (0, 0)),
        (215, 0, (21_500, 0)),
        (215, 1, (21_500, 0)),
        (0xFFFF, 1, (-100, 0)),
        (0xFF9C, 1, (-10_000, 0)),
        (2000, 0, (200_000, 0)),
        (2001, 0, (200_000, 0)),
        (2500, 0, (200_000, 0)),  # a quarter beyond the span
        (2501, 0, (None, ABOVE_RANGE)),
        (0xFFFF, 0, (None, ABOVE_RANGE)),
        (0x7FFF, 1, (None, ABOVE_RANGE)),
        (0x10000 - 2500, 1, (-200_000, 0)),
        (0x10000 - 2501, 1, (None, BELOW_RANGE)),
        (0x8000, 1, (None, BELOW_RANGE)),
    ):
        assert _read(word, signed=signed, **params) == expected, (word, signed)


def test_thirty_two_bits_in_both_orders():
    params = {"words": 2, "scale_thousandths": 1, "span": 4000}  # Pa, delivered as kPa
    for high, low, signed, expected in (
        (0, 0, 0, (0, 0)),
        (4, 0x93E0, 0, (300_000, 0)),
        (0x003D, 0x0900, 0, (4_000_000, 0)),
        (0x004C, 0x4B40, 0, (4_000_000, 0)),
        (0x004C, 0x4B41, 0, (None, ABOVE_RANGE)),
        (0x3FFF, 0xFFFF, 0, (None, ABOVE_RANGE)),
        (0x4000, 0, 0, (None, ABOVE_RANGE)),
        (0x7FFF, 0xFFFF, 1, (None, ABOVE_RANGE)),
        (0x8000, 0, 0, (None, ABOVE_RANGE)),
        (0x8000, 0, 1, (None, BELOW_RANGE)),
        (0xBFFF, 0xFFFF, 1, (None, BELOW_RANGE)),
        (0xC000, 0, 1, (None, BELOW_RANGE)),
        (0xFFFF, 0xFFFF, 0, (None, ABOVE_RANGE)),
        (0xFFFF, 0xFFFF, 1, (-1, 0)),
    ):
        assert _read(high, low, signed=signed, **params) == expected, (hex(high), hex(low), signed)
        swapped = _read(low, high, signed=signed, low_word_first=1, **params)
        assert swapped == expected, (hex(high), hex(low), signed)


def test_scales_in_both_directions():
    for counts, thousandths, divisor, span, expected in (
        (1600, 1000, 1, 4000, 1_600_000),  # whole kPa
        (160, 10_000, 1, 4000, 1_600_000),  # 0.01 MPa
        (16, 100_000, 1, 4000, 1_600_000),  # 0.1 MPa
        (12345, 1, 10, 20, 1235),  # a ten thousandth of a dB/m
        (10_000, 99_999, 10_000, 200, 99_999),
    ):
        params = {"scale_thousandths": thousandths, "scale_counts": divisor, "span": span}
        assert _read(counts, **params) == (expected, 0), (counts, thousandths, divisor)


def test_no_step_leaves_the_small_integers():
    """With 2**30 as the end of what is small; every product that is built, at its greatest."""
    for thousandths in (1, 7, 100, 1000, 99_999, 100_000):
        for divisor in (1, 3, 10, 1000, 9999, 10_000):
            for span in (1, 20, 200, 4000):
                params = {"scale_thousandths": thousandths, "scale_counts": divisor}
                driver = Modbus(FakeStation(), words=2, signed=1, span=span, **params)
                for counts in (driver._most, driver._least):
                    assert -(1 << 30) <= counts < 1 << 30
                    scaling = driver._scaling
                    rest = (scaling.denominator - 1) * scaling.numerator
                    whole = abs(counts) // scaling.denominator * scaling.numerator
                    assert rest < 1 << 30 and whole < 1 << 30, (thousandths, divisor, span)


def test_the_troubles_of_the_bus_pass():
    for code in (STARTING, BUS_EXCEPTION, BUS_TIMEOUT):
        driver = Modbus(FakeStation(5, code=code))
        assert (driver.read(0), driver.code) == (None, code)


def test_reading_takes_no_heap():
    driver = Modbus(FakeStation(4, 0x93E0), words=2, signed=1, scale_thousandths=1, span=4000)
    assert read_with_heap_locked(driver) == 300_000
