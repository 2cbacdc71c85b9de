"""The two-wire detector loop: bands of current over 39 Ohm."""

from drivers.detector_loop import DetectorLoop
from lib.codes import NO_ANSWER, OPEN, RUBBISH, SATURATED, SHORT

from fakes import FakeInput, read_with_heap_locked

ESP32_FLOOR_UV = 150_000


def _read(uv, floor_uv=0, **params):
    loop = DetectorLoop(FakeInput(uv, floor_uv), **params)
    return loop.read(0), loop.code


def test_every_band_on_both_sides_of_its_edges():
    for uv, expected in (
        (-125, (None, OPEN)),
        (0, (None, OPEN)),
        (116_999, (None, OPEN)),
        (117_000, (3000, 0)),  # 3 mA
        (199_000, (5103, 0)),  # at rest
        (585_000, (15_000, 0)),  # a detector has fired
        (1_950_000, (50_000, 0)),
        (1_950_001, (None, SHORT)),
        (2_340_000, (None, SHORT)),
    ):
        assert _read(uv) == expected, (uv, _read(uv))


def test_an_esp32_pin_cannot_tell_a_small_current_from_a_broken_wire():
    for uv, expected in (
        (0, (None, OPEN)),
        (142_000, (None, OPEN)),  # what the pin shows at 0 V
        (150_000, (None, OPEN)),
        (150_001, (3846, 0)),
        (195_000, (5000, 0)),
    ):
        assert _read(uv, ESP32_FLOOR_UV) == expected, (uv, _read(uv, ESP32_FLOOR_UV))


def test_other_resistors_and_levels():
    params = {"sense_ohm": 10, "open_below_ma": 8, "short_above_ma": 25}
    for uv, expected in (
        (79_999, (None, OPEN)),
        (80_000, (8000, 0)),
        (123_456, (12_346, 0)),  # rounded to the nearest
        (250_000, (25_000, 0)),
        (250_001, (None, SHORT)),
    ):
        assert _read(uv, **params) == expected, uv


def test_a_saturated_input_is_a_short_and_other_troubles_pass():
    face = FakeInput()
    loop = DetectorLoop(face)
    for code, expected in ((SATURATED, SHORT), (NO_ANSWER, NO_ANSWER), (RUBBISH, RUBBISH)):
        face.fail(code)
        assert (loop.read(0), loop.code) == (None, expected), code


def test_the_code_is_cleared_by_the_next_good_reading():
    face = FakeInput(0)
    loop = DetectorLoop(face)
    loop.read(0)
    face.uv = 195_000
    assert (loop.read(0), loop.code) == (5000, 0)


def test_reading_takes_no_heap():
    assert read_with_heap_locked(DetectorLoop(FakeInput(195_000))) == 5000
    assert read_with_heap_locked(DetectorLoop(FakeInput(0))) is None
