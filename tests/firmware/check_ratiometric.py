"""The ratiometric pressure transmitter: bands of the supply behind a divider."""

from drivers.ratiometric import Ratiometric
from lib.codes import ABOVE_RANGE, BELOW_RANGE, NO_ANSWER, OPEN, SATURATED, SHORT

from fakes import FakeInput, read_with_heap_locked


def _read(uv, floor_uv=0, **params):
    sensor = Ratiometric(FakeInput(uv, floor_uv), **params)
    return sensor.read(0), sensor.code


def test_every_band_on_both_sides_of_its_edges():
    for uv, expected in (  # volts at the sensor times 0.45
        (-125, (None, OPEN)),
        (0, (None, OPEN)),
        (112_499, (None, OPEN)),
        (112_500, (None, BELOW_RANGE)),  # 0.25 V
        (179_999, (None, BELOW_RANGE)),
        (180_000, (0, 0)),  # 0.40 V
        (225_000, (0, 0)),  # 0.50 V
        (337_500, (100_000, 0)),  # the alarm level
        (382_500, (140_000, 0)),
        (1_125_000, (800_000, 0)),
        (2_025_000, (1_600_000, 0)),  # 4.50 V
        (2_070_000, (1_600_000, 0)),  # 4.60 V
        (2_070_001, (None, ABOVE_RANGE)),
        (2_137_500, (None, ABOVE_RANGE)),  # 4.75 V
        (2_137_501, (None, SHORT)),
        (2_250_000, (None, SHORT)),
    ):
        assert _read(uv) == expected, (uv, _read(uv))


def test_an_esp32_pin_calls_everything_up_to_150_mv_open():
    for uv, expected in (
        (142_000, (None, OPEN)),
        (150_000, (None, OPEN)),
        (150_001, (None, BELOW_RANGE)),
        (225_000, (0, 0)),
    ):
        assert _read(uv, 150_000) == expected, uv


def test_the_bands_follow_supply_divider_and_span():
    params = {"supply_mv": 4600, "divider_permille": 300, "span_kpa": 1000}
    for uv, expected in (  # 1 % of the supply is 13.8 mV at the input
        (68_999, (None, OPEN)),
        (69_000, (None, BELOW_RANGE)),
        (110_400, (0, 0)),
        (138_000, (0, 0)),
        (690_000, (500_000, 0)),
        (1_242_000, (1_000_000, 0)),
        (1_269_600, (1_000_000, 0)),
        (1_269_601, (None, ABOVE_RANGE)),
        (1_311_001, (None, SHORT)),
    ):
        reading, code = _read(uv, **params)
        good = code == expected[1] and (reading == expected[0] or abs(reading - expected[0]) < 50)
        assert good, (uv, reading, code)


def test_a_saturated_input_is_a_short_and_other_troubles_pass():
    face = FakeInput()
    sensor = Ratiometric(face)
    for code, expected in ((SATURATED, SHORT), (NO_ANSWER, NO_ANSWER)):
        face.fail(code)
        assert (sensor.read(0), sensor.code) == (None, expected), code
    face.uv = 1_125_000
    assert (sensor.read(0), sensor.code) == (800_000, 0)


def test_reading_takes_no_heap():
    assert read_with_heap_locked(Ratiometric(FakeInput(1_125_000))) == 800_000
