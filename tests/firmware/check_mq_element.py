"""The MQ gas element: resistance, warm-up, clean air, the LPG curve."""

from time import ticks_add

from drivers.mq_element import MqElement
from lib.codes import NO_ANSWER, OPEN, SATURATED, SHORT, STARTING, UNCALIBRATED
from micropython import heap_lock, heap_unlock

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
        (0, 1.0, 0),
        (200, 0.1650, 952),
        (1050, 0.0757, 5000),
        (2100, 0.0546, 10_000),
        (4200, 0.0394, 20_000),
        (5250, 0.0355, 25_000),
        (10_000, 0.0262, 47_619),
        (99_999, 0.0230, 47_619),
        (0, 2.0, 0),
    ):
        face.uv = _uv(int(CLEAN_OHM * ratio))
        reading, code = _at(driver, 6000)
        assert code == 0 and abs(reading - expected) <= 10 + expected // 40, (ppm, reading, code)


def test_more_gas_never_reads_less():
    face = FakeInput()
    driver = _warm(face)
    last = 0
    for ohm in range(CLEAN_OHM, 2300, -100):
        face.uv = _uv(ohm)
        reading = _at(driver, 6000)[0]
        assert reading >= last, (ohm, reading, last)
        last = reading
    assert last == 47_619


def test_clean_air_is_a_little_more_than_the_median_of_the_last_readings_of_the_warm_up():
    face = FakeInput()
    driver = MqElement(face, warm_up_s=60)
    for second in range(60):
        face.uv = _uv(1000 if second in (50, 55) else 300_000 - 4000 * second)
        assert _at(driver, second * 1000) == (None, STARTING)
    assert driver.clean_air_ohm == 0
    face.uv = _uv(60_000)
    reading, code = _at(driver, 60_000)
    assert abs(driver.clean_air_ohm - 89_250) < 500, driver.clean_air_ohm  # 84 kOhm and 1/16
    assert reading > 0 and code == 0, "a third less than clean air is a little gas"
    assert _at(driver, 61_000) == (reading, 0)
    assert abs(driver.clean_air_ohm - 89_250) < 500, "it is learnt once"


def test_it_is_uncalibrated_until_enough_was_heard():
    face = FakeInput(_uv(CLEAN_OHM))
    driver = MqElement(face, warm_up_s=5)
    assert _at(driver, 0) == (None, STARTING)
    for i in range(13):
        assert _at(driver, 5000 + i) == (None, UNCALIBRATED), i
    reading, code = _at(driver, 5013)
    assert reading < 100 and code == 0, "learnt a sixteenth too high: not a tenth of a %LEL"


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


def test_a_full_input_that_may_be_gas_alarms_also_where_the_load_is_too_small_for_it():
    face = FakeInput()
    face.ceiling_uv = 2_876_000  # 7.38 kOhm, 7.4 % of clean air: 5.2 %LEL or more
    driver = _warm(face)
    face.fail(SATURATED)
    assert _at(driver, 6000) == (25_000, 0)


def test_beyond_the_scale_counts_the_cleanest_air_that_there_was():
    face = FakeInput(_uv(40_000))
    driver = _warm(face)
    at_ms = _hours(driver, 12)
    face.ceiling_uv = 2_876_000
    face.fail(SATURATED)
    assert _at(driver, at_ms + 1000) == (25_000, 0)


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


def _hours(driver, hours, from_ms=5000):
    """Read once a second; return the time of the last reading."""
    for second in range(1, int(hours * 3600) + 1):
        driver.read(ticks_add(START, from_ms + 1000 * second))
    return from_ms + int(hours * 3_600_000)


def test_cleaner_air_than_believed_is_taken_over_within_a_minute():
    face = FakeInput(_uv(150_000))
    driver = _warm(face)
    _hours(driver, 1 / 60)
    assert abs(driver.clean_air_ohm - 150_000) < 1000, driver.clean_air_ohm
    face.uv = _uv(5910)  # 3.94 % of it: 20 %LEL
    assert abs(_at(driver, 70_000)[0] - 20_000) < 400


def test_a_spike_of_cleaner_air_moves_it_by_less_than_two_percent():
    face = FakeInput(_uv(CLEAN_OHM))
    driver = _warm(face)
    face.uv = _uv(900_000)
    _at(driver, 6000)
    assert driver.clean_air_ohm < 102_000, driver.clean_air_ohm


def test_dirtier_air_is_believed_slowly_and_never_below_half():
    face = FakeInput(_uv(40_000))
    driver = _warm(face)
    at_ms = _hours(driver, 1)
    assert 0.93 * CLEAN_OHM < driver.clean_air_ohm < 0.95 * CLEAN_OHM, driver.clean_air_ohm
    at_ms = _hours(driver, 12, at_ms)
    assert driver.clean_air_ohm == CLEAN_OHM // 2, driver.clean_air_ohm
    face.uv = _uv(CLEAN_OHM)
    at_ms = _hours(driver, 1 / 30, at_ms)
    assert driver.clean_air_ohm > 0.98 * CLEAN_OHM, "it comes back at once"


def test_it_sinks_to_a_sixteenth_above_and_no_further():
    driver = _warm(FakeInput(_uv(90_000)))
    _hours(driver, 6)
    assert abs(driver.clean_air_ohm - 95_600) < 300, driver.clean_air_ohm


def test_gas_from_one_percent_on_freezes_it():
    for pct, ratio in ((1, 0.162), (3, 0.096), (20, 0.0394)):
        driver = _warm(FakeInput(_uv(int(CLEAN_OHM * ratio))))
        _hours(driver, 2)
        assert driver.clean_air_ohm == CLEAN_OHM, (pct, driver.clean_air_ohm)


def test_what_is_configured_is_doubled_at_most():
    driver = _warm(FakeInput(_uv(400_000)))
    _hours(driver, 0.1)
    assert driver.clean_air_ohm == 2 * CLEAN_OHM, driver.clean_air_ohm


def test_what_was_learnt_in_gas_is_mended_by_clean_air():
    face = FakeInput(_uv(3940))
    driver = MqElement(face, warm_up_s=5)
    for second in range(20):
        _at(driver, 1000 * second)
    assert driver.clean_air_ohm < 5000
    face.uv = _uv(CLEAN_OHM)
    at_ms = _hours(driver, 0.1, 20_000)
    assert driver.clean_air_ohm > 0.98 * CLEAN_OHM, driver.clean_air_ohm
    face.uv = _uv(3940)
    assert abs(_at(driver, at_ms + 1000)[0] - 20_000) < 400


def test_following_goes_on_across_the_wrap_and_after_a_week_without_readings():
    face = FakeInput(_uv(CLEAN_OHM))
    driver = _warm(face)
    face.uv = _uv(110_000)
    for day in (3, 8):
        before = driver.clean_air_ohm
        driver.read(ticks_add(START, day * 86_400_000))
        assert driver.clean_air_ohm > before, day


def test_reading_takes_no_heap_before_and_after_the_warm_up():
    face = FakeInput(_uv(3940))
    assert read_with_heap_locked(MqElement(face)) is None
    assert abs(read_with_heap_locked(_warm(face), 5000) - 20_000) < 300
    face.uv = _uv(150_000)
    driver = _warm(face)
    for _ in range(60):  # each of these follows clean air
        driver.read(ticks_add(START, 6000))
        heap_lock()
        driver.read(ticks_add(START, 8000))
        heap_unlock()
