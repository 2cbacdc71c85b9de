"""The 4-20 mA transmitter: NE 43 bands over 100 Ohm."""

from drivers.current_loop import CurrentLoop
from lib.codes import ABOVE_RANGE, BELOW_RANGE, NO_ANSWER, OPEN, SATURATED

from fakes import FakeInput, read_with_heap_locked


def _read(uv, floor_uv=0, **params):
    loop = CurrentLoop(FakeInput(uv, floor_uv), **params)
    return loop.read(0), loop.code


def test_every_band_on_both_sides_of_its_edges():
    for ua, expected in (
        (-10, (None, OPEN)),
        (0, (None, OPEN)),
        (499, (None, OPEN)),
        (500, (None, BELOW_RANGE)),
        (3599, (None, BELOW_RANGE)),
        (3600, (0, 0)),
        (3800, (0, 0)),
        (4000, (0, 0)),
        (4016, (100, 0)),
        (7200, (20_000, 0)),  # the alarm level
        (12_000, (50_000, 0)),
        (20_000, (100_000, 0)),
        (20_500, (100_000, 0)),
        (21_000, (100_000, 0)),
        (21_001, (None, ABOVE_RANGE)),
        (24_000, (None, ABOVE_RANGE)),
    ):
        assert _read(ua * 100) == expected, (ua, _read(ua * 100))


def test_an_esp32_pin_calls_everything_up_to_150_mv_open():
    for uv, expected in (
        (142_000, (None, OPEN)),
        (150_000, (None, OPEN)),
        (150_001, (None, BELOW_RANGE)),
        (360_000, (0, 0)),
    ):
        assert _read(uv, 150_000) == expected, uv


def test_other_resistors_and_spans():
    params = {"sense_ohm": 116, "span": 50}
    for ua, expected in (
        (3599, (None, BELOW_RANGE)),
        (3600, (0, 0)),
        (12_000, (25_000, 0)),
        (20_000, (50_000, 0)),
        (21_000, (50_000, 0)),
        (21_001, (None, ABOVE_RANGE)),
    ):
        assert _read(ua * 116, **params) == expected, ua


def test_every_quantity_has_its_span_in_its_own_unit():
    for span, ua, expected in (
        (2, 5200, 150),  # 0.15 dB/m of smoke
        (500, 9120, 160_000),  # 160 ppm of CO
        (1600, 5400, 140_000),  # 140 kPa in a main
        (4000, 19_999, 3_999_750),
        (150, 13_066, 84_994),  # 85 °C of a cable
    ):
        assert _read(ua * 100, span=span) == (expected, 0), (span, ua, _read(ua * 100, span=span))


def test_a_saturated_input_is_above_range_and_other_troubles_pass():
    face = FakeInput()
    loop = CurrentLoop(face)
    for code, expected in ((SATURATED, ABOVE_RANGE), (NO_ANSWER, NO_ANSWER)):
        face.fail(code)
        assert (loop.read(0), loop.code) == (None, expected), code
    face.uv = 1_200_000
    assert (loop.read(0), loop.code) == (50_000, 0)


def test_reading_takes_no_heap():
    assert read_with_heap_locked(CurrentLoop(FakeInput(1_200_000))) == 50_000
