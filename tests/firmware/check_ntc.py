"""The NTC below a pull-up: its curve, its bands, beyond its ends."""

from math import exp

from drivers.ntc import Ntc
from lib.codes import NO_ANSWER, OPEN, SATURATED, SHORT

from fakes import FakeInput, read_with_heap_locked


def _uv(celsius, r25_ohm=10_000, beta_k=3950):
    ohm = r25_ohm * exp(beta_k * (1 / (celsius + 273.15) - 1 / 298.15))
    return int(3_300_000 * ohm / (ohm + 10_000))


def _read(uv, **params):
    ntc = Ntc(FakeInput(uv), **params)
    return ntc.read(0), ntc.code


def test_it_follows_the_curve_within_a_sixth_of_a_degree():
    for tenths in range(-250, 1500, 7):
        reading, code = _read(_uv(tenths / 10))
        assert code == 0
        assert abs(reading - tenths * 100) <= 150, (tenths, reading)


def test_25_degrees_is_half_of_the_supply():
    reading, _ = _read(1_650_000)
    assert abs(reading - 25_000) <= 5


def test_other_elements_have_other_curves():
    reading, _ = _read(_uv(85, 5000, 3470), r25_ohm=5000, beta_k=3470)
    assert abs(reading - 85_000) <= 150


def test_every_band_on_both_sides_of_its_edges():
    for uv, expected in (
        (0, (None, SHORT)),
        (49_499, (None, SHORT)),
        (49_500, (150_000, 0)),
        (3_217_500, (-25_000, 0)),
        (3_217_501, (None, OPEN)),
        (3_300_000, (None, OPEN)),
    ):
        assert _read(uv) == expected, (uv, _read(uv))


def test_a_saturated_input_is_an_open_wire_and_other_troubles_pass():
    face = FakeInput()
    ntc = Ntc(face)
    for code, expected in ((SATURATED, OPEN), (NO_ANSWER, NO_ANSWER)):
        face.fail(code)
        assert (ntc.read(0), ntc.code) == (None, expected), code


def test_reading_takes_no_heap():
    for celsius in (-24, 25, 149):
        assert read_with_heap_locked(Ntc(FakeInput(_uv(celsius)))) is not None
    cold = Ntc(FakeInput(3_000_000), supply_mv=3600, beta_k=5000)  # the greatest steps there are
    assert read_with_heap_locked(cold) is not None
