"""The supervised contact: four states of a line below a pull-up of 10 kOhm at 3.3 V."""

from drivers.contact import Contact
from lib.codes import BETWEEN, NO_ANSWER, OPEN, RUBBISH, SATURATED, SHORT

from fakes import FakeInput, read_with_heap_locked


def _read(ohm, floor_uv=0, **params):
    uv = 3_300_000 * ohm // (ohm + 10_000)
    contact = Contact(FakeInput(max(uv, floor_uv), floor_uv), **params)
    return contact.read(0), contact.code


def test_every_band_on_both_sides_of_its_edges():
    for ohm, expected in (
        (0, (None, SHORT)),
        (2559, (None, SHORT)),
        (2560, (1000, 0)),
        (3197, (1000, 0)),  # 10 and 4.7 kOhm side by side
        (3840, (1000, 0)),
        (3842, (None, BETWEEN)),
        (7999, (None, BETWEEN)),
        (8000, (0, 0)),
        (10_000, (0, 0)),
        (12_000, (0, 0)),
        (12_002, (None, OPEN)),
        (10_000_000, (None, OPEN)),
    ):
        assert _read(ohm) == expected, (ohm, _read(ohm))


def test_a_contact_that_opens_is_active_with_more_resistance():
    params = {"rest_ohm": 4700, "active_ohm": 14_700, "tolerance_pct": 10}
    for ohm, expected in (
        (4229, (None, SHORT)),
        (4700, (0, 0)),
        (6000, (None, BETWEEN)),
        (14_700, (1000, 0)),
        (16_172, (None, OPEN)),
    ):
        assert _read(ohm, **params) == expected, ohm


def test_where_bands_overlap_the_line_counts_as_active():
    assert _read(9000, rest_ohm=10_000, active_ohm=8000) == (1000, 0)


def test_a_short_is_seen_at_an_esp32_pin_too():
    assert _read(0, 150_000) == (None, SHORT)


def test_a_saturated_input_is_an_open_line_and_other_troubles_pass():
    face = FakeInput()
    contact = Contact(face)
    for code, expected in ((SATURATED, OPEN), (NO_ANSWER, NO_ANSWER), (RUBBISH, RUBBISH)):
        face.fail(code)
        assert (contact.read(0), contact.code) == (None, expected), code
    face.uv = 1_650_000
    assert (contact.read(0), contact.code) == (0, 0)


def test_reading_takes_no_heap():
    assert read_with_heap_locked(Contact(FakeInput(800_000))) == 1000
