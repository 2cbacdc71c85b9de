"""The MQ gas element: resistance, warm-up, clean air, the LPG curve."""

from time import ticks_add

from drivers.mq_element import MqElement
from lib.codes import NO_ANSWER, OPEN, SATURATED, SHORT, STARTING, UNCALIBRATED

from fakes import FakeInput, read_with_heap_locked

START = ticks_add(0, -5000)  # the warm-up crosses the wrap of the ticks
CLEAN_OHM = 100_000


def _at(driver, at_ms):
    return driver.read(ticks_add(START, at_ms)), driver.code


def _uv(ohm, supply_mv=5000, load_ohm=10_000):
    """Return the voltage over the load with an element of this resistance."""
    return supply_mv * 1000 * load_ohm // (load_ohm + ohm)


def _warm(face, **params):
    """Return an element with known clean air whose warm-up is over."""
    driver = MqElement(face, clean_air_ohm=CLEAN_OHM, warm_up_s=5, **params)
    driver.read(START)
    driver.read(ticks_add(START, 5000))
    return driver


def test_there_is_never_a_value_during_the_warm_up():
    face = FakeInput(_uv(2500))
    driver = MqElement(face, clean_air_ohm=CLEAN_OHM, warm_up_s=10)
    assert driver.code == STARTING
    for at_ms in (0, 5000, 9999):
        assert _at(driver, at_ms) == (None, STARTING), at_ms
    reading, code = _at(driver, 10_000)
    assert reading > 40_000 and code == 0, (reading, code)


def test_troubles_of_the_wire_wait_until_the_warm_up_is_over():
    face = FakeInput(0)
    driver = MqElement(face, warm_up_s=10)
    assert _at(driver, 0) == (None, STARTING)
    assert _at(driver, 10_000) == (None, OPEN)


def test_an_element_once_warm_stays_warm_for_weeks():
    driver = _warm(FakeInput(_uv(CLEAN_OHM)))
    for day in range(1, 15):
        assert _at(driver, day * 86_400_000) == (0, 0), day


def test_the_curve_of_the_data_sheet():
    face = FakeInput()
    driver = _warm(face)
    for ppm, ratio, expected in (  # Rs over clean air, thousandths of a %LEL
        (0, 2.0, 0),
        (0, 1.0, 0),
        (200, 0.1650, 952),
        (1050, 0.0757, 5000),
        (2100, 0.0546, 10_000),
        (4200, 0.0394, 20_000),
        (5250, 0.0355, 25_000),
        (10_000, 0.0262, 47_619),
        (99_999, 0.0230, 47_619),
    ):
        face.uv = _uv(int(CLEAN_OHM * ratio))
        reading, code = _at(driver, 6000)
        assert code == 0 and abs(reading - expected) <= 10 + expected // 40, (ppm, reading, code)


def test_more_gas_never_reads_less():
    face = FakeInput()
    driver = _warm(face)
    last = 0
    for ohm in range(120_000, 2300, -100):
        face.uv = _uv(ohm)
        reading = _at(driver, 6000)[0]
        assert reading >= last, (ohm, reading, last)
        last = reading
    assert last == 47_619


def test_clean_air_is_the_median_of_the_last_readings_of_the_warm_up():
    face = FakeInput()
    driver = MqElement(face, warm_up_s=60)
    for second in range(60):
        face.uv = _uv(1000 if second in (50, 55) else 300_000 - 4000 * second)
        assert _at(driver, second * 1000) == (None, STARTING)
    assert driver.clean_air_ohm == 0
    face.uv = _uv(60_000)
    reading, code = _at(driver, 60_000)
    assert abs(driver.clean_air_ohm - 84_000) < 500, driver.clean_air_ohm
    assert reading > 0 and code == 0, "a third less than clean air is a little gas"
    assert _at(driver, 61_000) == (reading, 0)
    assert abs(driver.clean_air_ohm - 84_000) < 500, "it is learnt once"


def test_it_is_uncalibrated_until_enough_was_heard():
    face = FakeInput(_uv(CLEAN_OHM))
    driver = MqElement(face, warm_up_s=5)
    assert _at(driver, 0) == (None, STARTING)
    for i in range(13):
        assert _at(driver, 5000 + i) == (None, UNCALIBRATED), i
    assert _at(driver, 5013) == (0, 0)


def test_troubles_are_not_learnt():
    face = FakeInput()
    driver = MqElement(face, warm_up_s=5)
    for uv, code in ((0, OPEN), (4_950_000, SHORT)):
        face.uv = uv
        for i in range(20):
            _at(driver, i)
        assert _at(driver, 5000) == (None, code)
    face.fail(SATURATED)
    for i in range(20):
        assert _at(driver, 5001 + i) == (None, UNCALIBRATED)
    assert driver.clean_air_ohm == 0


def test_open_and_short_on_both_sides_of_their_edges():
    face = FakeInput()
    driver = _warm(face)
    for uv, code in (
        (-125, OPEN),
        (0, OPEN),
        (49_999, OPEN),
        (50_000, 0),
        (4_900_000, 0),
        (4_900_001, SHORT),
        (5_000_000, SHORT),
    ):
        face.uv = uv
        assert _at(driver, 6000)[1] == code, (uv, driver.code)


def test_an_esp32_pin_calls_everything_up_to_150_mv_open():
    face = FakeInput(150_000, floor_uv=150_000)
    driver = _warm(face, supply_mv=3000)
    assert _at(driver, 6000) == (None, OPEN)
    face.uv = 150_001
    assert _at(driver, 6000) == (0, 0)


def test_gas_beyond_what_the_input_can_show_reads_as_full_scale():
    face = FakeInput()
    driver = _warm(face)
    face.fail(SATURATED)  # over 4.096 V: under 2.2 kOhm, 2.2 % of clean air
    assert _at(driver, 6000) == (47_619, 0)


def test_an_input_that_saturates_below_every_alarm_level_is_a_trouble():
    face = FakeInput()
    face.ceiling_uv = 2_450_000  # an ESP32 pin: 10.4 kOhm, a tenth of clean air, 2.5 %LEL
    driver = _warm(face)
    face.fail(SATURATED)
    assert _at(driver, 6000) == (None, SATURATED)
    face.uv = _uv(CLEAN_OHM)
    assert _at(driver, 6000) == (0, 0)


def test_an_esp32_pin_with_the_element_at_3_3_v_sees_every_alarm_level():
    face = FakeInput(floor_uv=150_000)
    face.ceiling_uv = 2_450_000
    driver = _warm(face, supply_mv=3300)
    face.uv = _uv(CLEAN_OHM, 3300)
    assert _at(driver, 6000) == (0, 0)
    face.uv = _uv(3940, 3300)
    assert abs(_at(driver, 6000)[0] - 20_000) < 300
    face.fail(SATURATED)
    assert _at(driver, 6000)[0] >= 25_000


def test_other_troubles_of_the_input_pass():
    face = FakeInput()
    driver = _warm(face)
    face.fail(NO_ANSWER)
    assert _at(driver, 6000) == (None, NO_ANSWER)


def test_large_resistances_keep_the_scale():
    face = FakeInput()
    driver = MqElement(face, load_ohm=100_000, clean_air_ohm=1_000_000, warm_up_s=5)
    driver.read(START)
    face.uv = _uv(39_400, load_ohm=100_000)
    reading = _at(driver, 5000)[0]
    assert abs(reading - 20_000) < 300, reading


def test_reading_takes_no_heap_before_and_after_the_warm_up():
    face = FakeInput(_uv(3940))
    assert read_with_heap_locked(MqElement(face)) is None
    assert abs(read_with_heap_locked(_warm(face), 5000) - 20_000) < 300
