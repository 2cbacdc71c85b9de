"""Summaries of an interval."""

from time import ticks_add

from lib.samples import Summary

START = ticks_add(0, -1000)


def test_a_summary_tells_minimum_mean_maximum_and_last():
    summary = Summary(1, START)
    for reading in (-2000, 5000, 1500):
        summary.add(reading)
    assert summary.due(ticks_add(START, 1000))
    figures = (summary.minimum, summary.mean(), summary.maximum, summary.last)
    assert figures == (-2000, 1500, 5000, 1500), figures


def test_it_is_due_when_the_interval_is_over_across_the_wrap():
    summary = Summary(2, START)
    summary.add(1)
    assert not summary.due(ticks_add(START, 1999))
    assert summary.due(ticks_add(START, 2000))


def test_an_interval_without_a_reading_tells_nothing():
    summary = Summary(2, START)
    assert not summary.due(ticks_add(START, 2000))
    summary.add(1)
    assert not summary.due(ticks_add(START, 3999))
    assert summary.due(ticks_add(START, 4000))


def test_each_interval_begins_anew():
    summary = Summary(1, START)
    summary.add(9000)
    summary.restart(ticks_add(START, 1000))
    summary.add(1000)
    assert (summary.minimum, summary.maximum, summary.count) == (1000, 1000, 1)


def told(readings, sample_s=60, deadband=100, off_normal=lambda at_s: False):
    """Return (second, interval_s, minimum, mean, maximum, last) of each sample, one reading a
    second."""
    summary = Summary(sample_s, START, deadband)
    seen = []
    for at_s, reading in enumerate(readings):
        now_ms = ticks_add(START, at_s * 1000)
        if reading is not None:
            summary.add(reading)
        if summary.due(now_ms, off_normal(at_s)):
            summary.end(now_ms)
            figures = (summary.minimum, summary.mean(), summary.maximum, summary.last)
            seen.append((at_s, summary.interval_s) + figures)
            summary.restart(now_ms)
    return seen


def test_where_nothing_changes_an_interval_grows_to_five():
    seen = told([1000 + n % 2 * 100 for n in range(700)])
    assert [row[:2] for row in seen] == [(60, 60), (360, 300), (660, 300)]
    assert seen[1][2:] == (1000, 1050, 1100, 1000)


def test_a_reading_beyond_the_deadband_ends_it_with_the_usual_interval():
    readings = [1000] * 700
    readings[200] = 1101
    assert [row[:2] for row in told(readings)] == [(60, 60), (240, 180), (540, 300)]
    seen = told(readings)[1]
    assert seen[4] == 1101 and seen[2] == 1000, "the extreme is in it"


def test_the_mean_of_a_long_interval_is_that_of_its_parts():
    readings = [1000] * 61 + [1050] * 60 + [1000] * 240
    assert told(readings)[1] == (360, 300, 1000, 1010, 1050, 1000)


def test_while_a_condition_stands_it_is_six_times_shorter():
    seen = told([1000] * 200, off_normal=lambda at_s: 65 <= at_s < 95)
    assert [row[0] for row in seen] == [60, 70, 80, 90]
    assert seen[1][1] == 10


def test_it_is_never_shorter_than_five_seconds_nor_longer_than_asked_for():
    for sample_s, short_s in ((12, 5), (5, 5), (3, 3), (3600, 600)):
        seen = told([1000] * 1201, sample_s, off_normal=lambda at_s: True)
        assert {row[1] for row in seen} == {short_s}, sample_s


def test_the_largest_readings_of_an_hour_stay_small_integers():
    summary = Summary(60, START)
    for part in range(5):
        for _ in range(600):
            summary.add(1_600_000)
            assert summary._sum < 1 << 30
        summary.due(ticks_add(START, 60_000 * (part + 1)))
    assert summary.mean() == 1_600_000 and summary._means < 1 << 30
