"""The smaller parts: watchdog, clock, timers, serial ports, identity; and unknown calls."""

import binascii
import errno
import gc
import os
import struct
import time

import esp32
import hal
import hal_io
import machine
import micropython
import ntptime
import utime
from hal_world import raised, took_ms

ENV = {"FG_MAC": "a0b765112233", "FG_RESET_CAUSE": "3"}


def test_the_watchdog_tells_its_limit_and_when_it_was_fed():
    word, stamp = bytearray(4), bytearray(8)
    hal_io.peek(hal_io.WDT_TIMEOUT, word)
    assert word == b"\0\0\0\0", "unarmed"
    before = utime.time_ns()
    watchdog = machine.WDT(timeout=8000)
    hal_io.peek(hal_io.WDT_TIMEOUT, word)
    hal_io.peek(hal_io.WDT_FED, stamp)
    assert struct.unpack("<I", word)[0] == 8000
    armed_ns = struct.unpack("<Q", stamp)[0]
    assert before <= armed_ns <= utime.time_ns()
    time.sleep_ms(5)
    watchdog.feed()
    hal_io.peek(hal_io.WDT_FED, stamp)
    assert struct.unpack("<Q", stamp)[0] >= armed_ns + 5_000_000


def test_the_watchdog_cannot_be_stopped():
    assert "WDT.deinit" in str(raised(NotImplementedError, lambda: machine.WDT().deinit()))
    raised(ValueError, machine.WDT, timeout=0)


def test_the_clock_keeps_what_it_is_set_to():
    clock = machine.RTC()
    clock.datetime((2026, 11, 22, 6, 15, 30, 0, 250_000))
    moment = clock.datetime()
    assert moment[:6] == (2026, 11, 22, 6, 15, 30), moment
    assert moment[7] >= 250_000
    assert time.gmtime()[:6] == (2026, 11, 22, 15, 30, 0)
    assert time.time() == time.mktime((2026, 11, 22, 15, 30, 0, 0, 0))


def test_the_clocks_memory_has_2048_bytes():
    clock = machine.RTC()
    assert clock.memory() == b""
    clock.memory(b"\xa5" * 2048)
    clock.datetime((2026, 1, 1, 0, 0, 0, 0, 0))
    assert clock.memory() == b"\xa5" * 2048
    raised(ValueError, clock.memory, b"x" * 2049)


def test_a_timer_calls_back_every_period_until_it_is_stopped():
    calls = []
    timer = machine.Timer(0)
    start = time.ticks_ms()
    timer.init(period=20, callback=calls.append)
    while len(calls) < 4:
        time.sleep_ms(10)
    assert time.ticks_diff(time.ticks_ms(), start) >= 4 * 20 - 1
    timer.deinit()
    count = len(calls)
    assert calls[0] is timer
    time.sleep_ms(60)
    assert len(calls) <= count + 1


def test_a_timer_can_call_once():
    calls = []
    machine.Timer(-1, mode=machine.Timer.ONE_SHOT, period=10, callback=calls.append)
    for _ in range(500):
        time.sleep_ms(10)
        if calls:
            break
    time.sleep_ms(60)
    assert len(calls) == 1, calls


def test_a_serial_port_sends_to_one_file_and_receives_from_another():
    port = machine.UART(2, 9600, tx=17, rx=16)
    assert port.any() == 0
    assert port.read() is None
    assert port.write(b"ping") == 4
    with open(hal.path("uart2.tx"), "rb") as file:
        assert file.read() == b"ping"
    with open(hal.path("uart2.rx"), "ab") as file:
        file.write(b"pong!")
    assert port.any() == 5
    assert port.read(4) == b"pong"
    buffer = bytearray(4)
    assert port.readinto(buffer) == 1
    assert buffer[0:1] == b"!"
    assert port.readinto(buffer) is None


def test_the_board_knows_itself():
    assert binascii.hexlify(machine.unique_id()) == b"a0b765112233"
    assert machine.reset_cause() == machine.WDT_RESET
    assert machine.freq() == 160_000_000
    machine.freq(240_000_000)
    assert machine.freq() == 240_000_000
    raised(ValueError, machine.freq, 123)
    causes = ["PWRON_RESET", "HARD_RESET", "WDT_RESET", "DEEPSLEEP_RESET", "SOFT_RESET"]
    assert [getattr(machine, name) for name in causes] == [1, 2, 3, 4, 5]
    assert os.uname().sysname == "esp32"
    total, free, largest, low = esp32.idf_heap_info(esp32.HEAP_DATA)[0]
    assert 0 < low <= largest <= free <= total


def test_the_host_cannot_be_seen_through_os():
    for name in ("getenv", "putenv", "system", "dupterm"):
        assert "os." + name in str(raised(NotImplementedError, getattr, os, name)), name
    os.sync()
    os.stat(".")


def test_no_time_server_is_there():
    assert 900 < took_ms(lambda: raised(OSError, ntptime.settime)) < 4000
    assert raised(OSError, ntptime.time).errno == errno.ETIMEDOUT


def test_a_missing_built_in_is_supplied():
    micropython.alloc_emergency_exception_buf(100)
    assert micropython.schedule


def test_an_unknown_call_is_named():
    for module, name in (
        (machine, "lightsleep"),
        (time, "monotonic"),
        (esp32, "ULP"),
        (os, "fsync"),
        (ntptime, "gmtime"),
    ):
        message = str(raised(NotImplementedError, getattr, module, name))
        assert message == module.__name__ + "." + name + " is not simulated", message


def test_reading_clock_and_pins_takes_no_heap():
    from micropython import heap_lock, heap_unlock

    pin = machine.Pin(4, machine.Pin.IN)
    gc.collect()
    heap_lock()
    try:
        pin.value()
        time.ticks_ms()
        time.ticks_diff(time.ticks_add(time.ticks_us(), 5), 1)
    finally:
        heap_unlock()
