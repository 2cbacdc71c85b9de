"""The ESP32's own converter."""

from drivers.esp32_adc import Esp32Adc
from lib.codes import NO_ANSWER, SATURATED
from micropython import heap_lock, heap_unlock

from fakes import FakeAdc


def test_the_reading_is_the_mean_of_a_few():
    adc = FakeAdc(1_000_000, 1_004_000, 998_000, 1_002_000)
    assert Esp32Adc(adc).read_uv() == 1_001_000
    assert adc.reads == 4


def test_above_2450_mv_the_input_is_saturated():
    for uv, reading, code in (
        (2_450_000, 2_450_000, 0),
        (2_451_000, None, SATURATED),
        (3_100_000, None, SATURATED),
    ):
        pin = Esp32Adc(FakeAdc(uv))
        assert (pin.read_uv(), pin.code) == (reading, code), uv


def test_below_150_mv_the_value_is_passed_on():
    pin = Esp32Adc(FakeAdc(142_000))
    assert (pin.read_uv(), pin.code) == (142_000, 0)
    assert pin.floor_uv == 150_000


def test_a_converter_that_fails_does_not_answer_and_comes_back():
    adc = FakeAdc(500_000)
    pin = Esp32Adc(adc)
    adc.broken = True
    assert (pin.read_uv(), pin.code) == (None, NO_ANSWER)
    adc.broken = False
    assert (pin.read_uv(), pin.code) == (500_000, 0)


def test_reading_takes_no_heap():
    pin = Esp32Adc(FakeAdc(500_000, 501_000))
    heap_lock()
    try:
        assert pin.read_uv() == 500_500
    finally:
        heap_unlock()
