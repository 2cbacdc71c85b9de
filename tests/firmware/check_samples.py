"""Summaries of an interval."""

from time import ticks_add

from lib.samples import Summary

START = ticks_add(0, -1000)


def test_a_summary_tells_minimum_mean_maximum_and_last():
    summary = Summary(1, START)
    for reading in (-2000, 5000, 1500):
        summary.add(reading)
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
