"""A board that lives twenty times as fast as the host: everything shrinks alike."""

import asyncio
import errno
import select
import socket
import time
from time import sleep_ms, ticks_diff, ticks_ms

import utime
from hal_world import raised, took_ms

ENV = {"FG_SPEED": 20}


def host_ms(call, *arguments):
    """Return how many of the host's milliseconds a call takes."""
    start = utime.ticks_us()
    call(*arguments)
    return (utime.ticks_us() - start) / 1000


def test_sleeps_are_shorter_on_the_host_and_whole_on_the_board():
    for call, argument in ((sleep_ms, 1000), (time.sleep, 1), (time.sleep_us, 1_000_000)):
        start = ticks_ms()
        assert 50 <= host_ms(call, argument) < 900, call
        assert 1000 <= ticks_diff(ticks_ms(), start) < 18_000


def test_asyncio_runs_at_the_boards_speed():
    log = []

    async def beat():
        while True:
            await asyncio.sleep_ms(100)
            log.append(ticks_ms())

    async def scene():
        task = asyncio.create_task(beat())
        await asyncio.sleep_ms(2050)
        task.cancel()

    assert 100 <= host_ms(asyncio.run, scene()) < 1900
    assert 1 <= len(log) <= 20, log  # a busy host wakes it late


def test_a_poll_times_out_on_the_boards_clock():
    poller = select.poll()
    poller.register(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), select.POLLIN)
    assert 50 <= host_ms(poller.poll, 1000) < 900
    assert host_ms(poller.poll, 10) >= 0.5, "less than the host's millisecond is slept, not spun"
    assert host_ms(poller.poll, 0) < 500


def test_a_socket_times_out_on_the_boards_clock_with_the_chips_error():
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    listener.settimeout(1)
    start = ticks_ms()
    assert raised(OSError, listener.recv, 10).errno == errno.ETIMEDOUT
    assert 990 <= ticks_diff(ticks_ms(), start) < 18_000


def test_a_name_blocks_five_seconds_and_fails():
    start = ticks_ms()
    error = raised(OSError, socket.getaddrinfo, "broker.example", 1883)
    assert error.errno == -202
    assert 5000 <= ticks_diff(ticks_ms(), start) < 80_000


def test_microseconds_pass_twenty_times_as_fast():
    assert 1000 <= took_ms(utime.sleep_us, 50_000) < 18_000
