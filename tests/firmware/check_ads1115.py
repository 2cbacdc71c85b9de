"""The ADS1115 against a model of its registers."""

from time import ticks_diff, ticks_us

from drivers.ads1115 import ADS1115
from lib.codes import NO_ANSWER, RUBBISH, SATURATED
from micropython import heap_lock, heap_unlock

from fakes import FakeI2C


def _read(bus, channel=0, address=0x48):
    face = ADS1115(bus, address).input(channel)
    return face.read_uv(), face.code


def test_every_channel_reads_its_own_input():
    bus = FakeI2C(1_000_000, 2_000_000, 3_000_000, 250)
    for channel in range(4):
        assert _read(bus, channel) == (bus.uv[channel], 0), channel


def test_a_conversion_is_single_shot_against_ground_at_4096_mv_and_860_a_second():
    bus = FakeI2C(0, 0, 0, 0)
    _read(bus, 2)
    assert bus.config == 0xE3E3, hex(bus.config)


def test_the_edges_of_the_scale():
    for uv, expected in (
        (0, (0, 0)),
        (125, (125, 0)),
        (-125, (-125, 0)),  # a little below ground is noise, not rubbish
        (32_766 * 125, (4_095_750, 0)),
        (32_767 * 125, (None, SATURATED)),
        (5_000_000, (None, SATURATED)),
    ):
        assert _read(FakeI2C(uv)) == expected, (uv, _read(FakeI2C(uv)))


def test_an_absent_chip_does_not_answer():
    bus = FakeI2C(1_000_000)
    bus.absent = True
    assert _read(bus) == (None, NO_ANSWER)
    assert _read(FakeI2C(1_000_000), address=0x49) == (None, NO_ANSWER)


def test_a_chip_that_comes_back_reads_again():
    bus = FakeI2C(1_000_000)
    face = ADS1115(bus).input(0)
    bus.absent = True
    face.read_uv()
    bus.absent = False
    assert (face.read_uv(), face.code) == (1_000_000, 0)


def test_an_echo_of_something_else_is_rubbish():
    for echo in (0x0000, 0xFFFF, 0xD3E3, 0xC3E2):
        bus = FakeI2C(1_000_000)
        bus.echo = echo
        assert _read(bus) == (None, RUBBISH), hex(echo)


def test_a_conversion_that_never_ends_is_given_up_within_3_ms():
    bus = FakeI2C(1_000_000)
    bus.busy = 1000
    fastest_us = 1_000_000  # the best of some: this machine may be busy with other things
    for _ in range(20):
        start = ticks_us()
        assert _read(bus) == (None, NO_ANSWER)
        fastest_us = min(fastest_us, ticks_diff(ticks_us(), start))
    assert bus.polls == 7, bus.polls
    assert fastest_us < 3000, fastest_us


def test_a_slow_conversion_is_waited_for():
    bus = FakeI2C(1_000_000)
    bus.busy = 6
    assert _read(bus) == (1_000_000, 0)


def test_reading_takes_no_heap():
    face = ADS1115(FakeI2C(1_000_000)).input(0)
    heap_lock()
    try:
        assert face.read_uv() == 1_000_000
    finally:
        heap_unlock()
