"""The DS18B20 on a model of its bus: conversions, CRC, power-on, range."""

from time import ticks_add

from drivers.ds18b20 import Ds18b20
from lib.codes import ABOVE_RANGE, BELOW_RANGE, NO_ANSWER, RUBBISH, SHORT, STARTING
from micropython import heap_lock, heap_unlock

from fakes import FakeProbe

START = ticks_add(0, -700)
ROM = b"\x28\xff\x64\x1e\x82\x16\xc3\x28"


class Bench:
    """A probe, its driver, and a clock in the test's hand."""

    def __init__(self, counts=20 * 16, rom=None):
        self.bus = FakeProbe(counts, rom)
        self.driver = Ds18b20((self.bus, rom))
        self.now_ms = START

    def read(self, after_ms=200):
        self.now_ms = ticks_add(self.now_ms, after_ms)
        return self.driver.read(self.now_ms), self.driver.code


def _settled(counts):
    bench = Bench(counts)
    for _ in range(10):
        seen = bench.read()
    return seen


def test_the_first_value_comes_with_the_end_of_the_first_conversion():
    bench = Bench()
    seen = [bench.read() for _ in range(6)]
    assert seen == [(None, STARTING)] * 4 + [(20_000, 0)] * 2, seen


def test_a_conversion_has_its_time():
    bench = Bench()
    bench.read()
    assert bench.read(749) == (None, STARTING)
    assert bench.read(1) == (20_000, 0)


def test_the_last_conversion_stands_while_the_next_one_runs():
    bench = Bench()
    for _ in range(5):
        bench.read()
    bench.bus.counts = 30 * 16
    seen = [bench.read()[0] for _ in range(8)]
    assert seen == [20_000] * 7 + [30_000], seen
    assert bench.bus.conversions == 4


def test_counts_are_sixteenths_of_a_degree():
    for counts, expected in (  # data sheet, table 1
        (0x07D0, (125_000, 0)),
        (0x0191, (25_062, 0)),
        (0x00A2, (10_125, 0)),
        (0x0008, (500, 0)),
        (0x0000, (0, 0)),
        (0xFFF8, (-500, 0)),
        (0xFF5E, (-10_125, 0)),
        (0xFE6F, (-25_000, 0)),
        (0xFC90, (-25_000, 0)),  # -55 °C: colder than what is shown
        (0xFC8F, (None, BELOW_RANGE)),
        (0x07D1, (None, ABOVE_RANGE)),
        (0x07F0, (None, ABOVE_RANGE)),  # 127 °C
    ):
        assert _settled(counts) == expected, (hex(counts), _settled(counts))


def test_85_degrees_count_only_from_a_probe_that_kept_its_power():
    assert _settled(0x0550) == (85_000, 0)
    bench = Bench()
    bench.bus.writebyte = lambda value: None  # it never converts, as without enough power
    for _ in range(20):
        assert bench.read()[0] is None
    assert bench.driver.code == RUBBISH


def test_a_probe_that_lost_its_power_does_not_alarm():
    bench = Bench()
    for _ in range(6):
        bench.read()
    bench.bus.lose_power()
    seen = [bench.read() for _ in range(8)]
    assert (85_000, 0) not in seen, seen
    assert (None, RUBBISH) in seen
    assert seen[-1] == (20_000, 0)


def test_an_absent_probe_does_not_answer_and_comes_back():
    bench = Bench()
    for _ in range(5):
        bench.read()
    bench.bus.absent = True
    seen = [bench.read() for _ in range(5)]
    assert seen[-1] == (None, NO_ANSWER), seen
    bench.bus.absent = False
    seen = [bench.read() for _ in range(6)]
    assert seen[3] == (None, NO_ANSWER) and seen[-1] == (20_000, 0), seen


def test_a_wrong_crc_is_rubbish_and_a_grounded_wire_is_a_short():
    bench = Bench()
    bench.bus.rubbish = True
    for _ in range(6):
        assert bench.read()[0] is None
    assert bench.driver.code == RUBBISH
    bench.bus.grounded = True
    bench.bus.rubbish = False
    for _ in range(6):
        bench.read()
    assert bench.driver.code == SHORT


def test_a_probe_with_a_rom_id_is_addressed_by_it():
    bench = Bench(rom=ROM)
    for _ in range(6):
        seen = bench.read()
    assert seen == (20_000, 0)
    other = Ds18b20((bench.bus, ROM[:7] + b"\x00"))
    conversions = bench.bus.conversions
    other.read(bench.now_ms)
    assert bench.bus.conversions == conversions


def test_reading_takes_no_heap():
    bench = Bench()
    for _ in range(10):
        bench.read()
    heap_lock()
    try:
        for _ in range(10):
            bench.now_ms = ticks_add(bench.now_ms, 200)
            bench.driver.read(bench.now_ms)
    finally:
        heap_unlock()
    assert bench.driver.code == 0
