"""Silence that has lasted too long, for minutes or for years."""

from time import ticks_add

from lib.silence import Silence


def test_it_lasts_from_the_limit_on_until_they_are_heard():
    start = ticks_add(0, -500)
    silence = Silence(1000, start)
    assert not silence.update(ticks_add(start, 999))
    assert silence.update(ticks_add(start, 1000))
    silence.heard(ticks_add(start, 1500))
    assert not silence.lasts and not silence.update(ticks_add(start, 2499))
    assert silence.update(ticks_add(start, 2500))


def test_it_still_lasts_after_the_ticks_have_wrapped():
    silence = Silence(1000, 0)
    now = 0
    for day in range(60):
        now = ticks_add(now, 86_400_000)
        assert silence.update(now), day
