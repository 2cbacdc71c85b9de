"""The ESP32's clock: ticks that wrap at 2**30, wall time since 2000 that starts at 0 at power-on.

The host's wall clock never shows here. Everything runs FG_SPEED times as fast as the host.

A busy host wakes us late. On the chip nobody does, and a driver that times the samples of a
waveform relies on it: after a short sleep the clock shows the moment that was asked for. What it
lags behind the host then, the next short sleeps make up for; a longer one and ticks_ms() end it.
"""

import uos
import ustruct as struct
import utime
from micropython import const

import hal

_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)
_EPOCH_2000_S = const(946684800)
_SPIN_US = const(100)  # the host oversleeps by about this much: shorter waits are spun
_SHORT_US = const(5000)  # of the board: a sleep between two samples
_SLICE_US = const(10000)  # scheduled callbacks run between the slices of a long sleep
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)

_speed = hal.SPEED
_host_us = utime.ticks_us
_start_us = hal.START_MS * 1000
_power_on = _host_us()
_zero = _power_on  # the host's moment that our ticks count from: later while the clock lags


def _held():
    """Return (host µs, wall µs at that moment): kept over a reset, 0 after a loss of power."""
    if uos.getenv("FG_BOARD"):
        try:
            with open(hal.path("rtc.bin"), "rb") as file:
                return struct.unpack("<qq", file.read(16))
        except OSError:
            pass  # never written since power-on
    return _power_on, 0


_wall = _held()


def now_us():
    """Return microseconds since power-on, unwrapped: for the simulated parts only."""
    return (_host_us() - _zero) * _speed + _start_us


def host_ns():
    """Return the host's clock, for the taps only."""
    return utime.time_ns()


def ticks_us():
    """Return a microsecond count that wraps at 2**30."""
    return now_us() & _MASK


def ticks_ms():
    """Return a millisecond count that wraps at 2**30; who asks for it is between two readings."""
    global _zero
    _zero = _power_on
    return now_us() // 1000 & _MASK


ticks_cpu = ticks_us


def ticks_add(ticks, delta):
    """Return the ticks moved by delta, wrapped."""
    return (ticks + delta) & _MASK


def ticks_diff(end, start):
    """Return end - start, right while the two are less than 2**29 apart."""
    return ((end - start + _HALF) & _MASK) - _HALF


def sleep(seconds):
    """Sleep for a number of seconds, whole or not."""
    sleep_us(int(seconds * 1000000))


def sleep_ms(ms):
    """Sleep for a number of milliseconds."""
    sleep_us(ms * 1000)


def sleep_us(us):
    """Sleep for a number of microseconds; never too short."""
    global _zero
    if us > _SHORT_US:
        _zero = _power_on
    end = _host_us() - _zero + _power_on + (us + _speed - 1) // _speed
    while True:
        left = end - _host_us()
        if left <= 0:
            break
        if left >= _SPIN_US:
            utime.sleep_us(min(left, _SLICE_US))
    if 0 < us <= _SHORT_US:
        _zero = _power_on - left


def wall_us():
    """Return microseconds of wall time since 2000."""
    return (_host_us() - _wall[0]) * _speed + _wall[1]


def set_wall_us(us):
    """Set the wall clock: what RTC.datetime() does."""
    global _wall
    _wall = (_host_us(), us)


def wall():
    """Return (host µs, wall µs at that moment): what is kept over a reset."""
    return _wall


def time():
    """Return whole seconds of wall time since 2000."""
    return wall_us() // 1000000


def time_ns():
    """Return nanoseconds of wall time since 2000."""
    return wall_us() * 1000


def gmtime(seconds=None):
    """Return (year, month, day, hour, minute, second, weekday, day of the year), Monday = 0."""
    return utime.gmtime((time() if seconds is None else seconds) + _EPOCH_2000_S)[:8]


localtime = gmtime  # the chip knows no zones


def mktime(moment):
    """Return the seconds since 2000 of a gmtime tuple."""
    year, month, day, hour, minute, second = moment[:6]
    days = (year - 2000) * 365 + (year - 1997) // 4 + _DAYS_BEFORE[month - 1] + day - 1
    if month > 2 and year % 4 == 0:
        days += 1
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def __getattr__(name):
    raise hal.unknown("time", name)
