"""The residual-current transformer: true RMS of one mains cycle."""

from time import ticks_add

from drivers.residual_current import ResidualCurrent
from lib.codes import NO_ANSWER, OPEN, SATURATED, SHORT
from micropython import heap_lock, heap_unlock

from fakes import FakeClock, FakeMains, read_with_heap_locked

CLOSE = 1000  # thousandths of a mA


def _new(peak_uv, start_us=0, mains_hz=50, told_hz=50, ratio=1000, burden_ohm=1000, **wave):
    clock = FakeClock(start_us)
    mains = FakeMains(clock, peak_uv, 1_000_000 // mains_hz, **wave)
    driver = ResidualCurrent(mains, clock, ratio=ratio, burden_ohm=burden_ohm, mains_hz=told_hz)
    return driver, mains, clock


def _driver(peak_uv, start_us=0, mains_hz=50, **more):
    """Return one that has found its mains frequency."""
    driver, mains, clock = _new(peak_uv, start_us, mains_hz, told_hz=mains_hz, **more)
    shows_uv, mains.wave = mains.wave, mains.wave_of(400_000)
    driver.read(0)
    mains.wave = shows_uv
    mains.reads = clock.sleeps = clock.elapsed_us = 0
    return driver, mains, clock


def _near(reading, expected):
    return reading is not None and abs(reading - expected) <= CLOSE


def test_the_rms_of_a_sine():
    for peak_uv, expected in (
        (0, 0),
        (14_142, 10_000),
        (282_843, 200_000),
        (424_264, 300_000),
        (791_960, 560_000),
    ):
        driver = _driver(peak_uv)[0]
        reading = driver.read(0)
        assert _near(reading, expected), (peak_uv, reading)
        assert driver.code == 0


def test_a_third_harmonic_counts():
    reading = _driver(424_264, third_uv=212_132)[0].read(0)
    assert _near(reading, 335_410), reading  # 300 and 150 mA, at right angles


def test_direct_current_and_the_bias_do_not_count():
    for bias_uv in (1_300_000, 1_650_000, 2_000_000):
        reading = _driver(282_843, bias_uv=bias_uv)[0].read(0)
        assert _near(reading, 200_000), (bias_uv, reading)


def test_twenty_reads_in_one_cycle_of_50_or_60_hz():
    for mains_hz, last_read_us in ((50, 19_000), (60, 15_832)):
        driver, mains, clock = _driver(424_264, mains_hz=mains_hz)
        assert _near(driver.read(0), 300_000)
        assert (mains.reads, clock.elapsed_us) == (20, last_read_us), clock.elapsed_us


def test_the_cycle_may_begin_at_any_phase_and_across_the_wrap_of_the_ticks():
    for start_us in (ticks_add(0, -3), ticks_add(0, -9_999), 0):
        for phase_us in (0, 1234, 7777, 15_001):
            driver, _, clock = _driver(424_264, start_us)
            clock.elapsed_us = phase_us
            reading = driver.read(0)
            assert _near(reading, 300_000), (start_us, phase_us, reading)


def test_ratio_and_burden_scale_the_reading():
    for ratio, burden_ohm, expected in (
        (2000, 1000, 600_000),
        (1000, 470, 638_298),
        (500, 10, 15_000_000),
    ):
        reading = _driver(424_264, ratio=ratio, burden_ohm=burden_ohm)[0].read(0)
        assert abs(reading - expected) <= expected // 300, (ratio, burden_ohm, reading)


def test_a_late_sample_is_left_for_the_next_cycle_at_the_same_phase():
    for stall_us, ends_us in ((400, 19_000), (401, 24_000), (7000, 30_000), (33_000, 56_000)):
        driver, mains, clock = _driver(424_264)
        clock.stall(3, stall_us)  # the fourth sleep ends at 4 ms
        reading = driver.read(0)
        assert _near(reading, 300_000), (stall_us, reading)
        assert mains.reads == 20
        assert clock.elapsed_us < ends_us + 100, (stall_us, clock.elapsed_us)


def test_a_board_that_is_often_late_still_reads_true():
    driver, _, clock = _driver(424_264)
    for sleep in range(0, 100, 3):
        clock.stall(sleep, 700)
    reading = driver.read(0)
    assert _near(reading, 300_000), reading


def test_a_board_that_is_always_late_is_not_waited_for():
    driver, mains, clock = _driver(424_264)
    for sleep in range(100):
        clock.stall(sleep, 900)
    driver.read(0)
    assert mains.reads == 20
    assert clock.elapsed_us < 4 * 20_000 + 1000, clock.elapsed_us


def test_a_lost_bias_is_open_short_or_saturated():
    for bias_uv, code in (
        (0, OPEN),
        (1_149_000, OPEN),
        (1_150_000, 0),
        (2_150_000, 0),
        (2_151_000, SHORT),
        (2_440_000, SHORT),
        (3_300_000, SATURATED),
    ):
        driver = _driver(0, bias_uv=bias_uv)[0]
        reading = driver.read(0)
        assert driver.code == code, (bias_uv, driver.code)
        assert reading == (None if code else 0), (bias_uv, reading)


def test_a_clipped_wave_still_reads_as_an_alarm():
    for peak_uv in (848_528, 1_414_214, 7_071_068):  # 600, 1000, 5000 mA
        driver = _driver(peak_uv)[0]
        reading = driver.read(0)
        assert driver.code == 0
        assert 550_000 < reading <= 1_200_000, (peak_uv, reading)


def test_an_input_that_does_not_answer_passes_its_trouble_on():
    driver, mains, _ = _driver(424_264)
    mains.fails_with = NO_ANSWER
    assert (driver.read(0), driver.code) == (None, NO_ANSWER)
    mains.fails_with = 0
    assert _near(driver.read(0), 300_000)
    assert driver.code == 0


def test_the_mains_frequency_is_found_whatever_it_was_told():
    for mains_hz in (50, 60):
        for told_hz in (50, 60):
            for phase_us in (0, 3333, 12_000):
                driver, mains, clock = _new(
                    141_421, mains_hz=mains_hz, told_hz=told_hz, third_uv=70_000
                )
                clock.elapsed_us = phase_us
                reading = driver.read(0)
                assert _near(reading, 111_580), (mains_hz, told_hz, phase_us, reading)
                mains.reads, before_us = 0, clock.elapsed_us
                assert _near(driver.read(200), 111_580)
                assert mains.reads == 20, "it is found once"
                assert clock.elapsed_us - before_us <= 1_000_000 // mains_hz


def test_noise_tells_no_frequency_and_the_first_current_does():
    driver, mains, _ = _new(2_000, mains_hz=60, told_hz=50)
    for step in range(100):
        driver.read(step * 200)
    assert mains.reads == 100 * 20, "never probed"
    mains.wave = mains.wave_of(424_264)
    assert _near(driver.read(30_000), 300_000)


def test_a_current_of_no_mains_frequency_is_asked_again_only_now_and_then():
    driver, mains, _ = _new(424_264, mains_hz=55)
    for step in range(100):  # 20 s
        driver.read(ticks_add(-1000, step * 200))
    assert 100 * 20 < mains.reads <= 100 * 20 + 3 * (60 + 20), mains.reads


def test_a_late_board_finds_it_later():
    driver, _, clock = _new(424_264, mains_hz=60)
    clock.stall(30, 5000)  # in the probe: the first cycle has 19 sleeps
    driver.read(0)
    assert not _near(driver.read(5000), 300_000)
    assert _near(driver.read(10_000), 300_000)


def test_reading_takes_no_heap():
    assert _near(read_with_heap_locked(_driver(424_264)[0]), 300_000)
    driver = _new(424_264, mains_hz=60)[0]
    heap_lock()
    try:
        reading = driver.read(0)
    finally:
        heap_unlock()
    assert _near(reading, 300_000), "finding the frequency takes none either"
