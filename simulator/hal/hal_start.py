"""What happens before the firmware: built-ins replaced, power-on, taps on the firmware's seams."""

import gc
import sys

import uos
from micropython import const

import hal

_ROOMY_BYTES = const(512 * 1024)


def replace_builtins():
    """Put our modules where a file could not take a built-in's place."""
    import hal_micropython
    import virtual_asyncio

    sys.modules["micropython"] = hal_micropython
    sys.modules["_asyncio"] = virtual_asyncio


def enter_world():
    """Where a world owns time, network and power, hand them over before anybody has them."""
    if uos.getenv("FG_WORLD"):
        import hal_world

        hal_world.take()


def lose_power():
    """At power-on, forget what the real-time clock kept; before `time` reads it."""
    if hal.CAUSE == hal.PWRON_RESET:
        try:
            uos.remove(hal.path("rtc.bin"))
        except OSError:
            pass  # there was nothing


def preload():
    """Compile now what every gateway uses: later the firmware has taken the room for that."""
    import os  # noqa: F401
    import select  # noqa: F401
    import socket  # noqa: F401

    import esp32
    import machine
    import network  # noqa: F401

    for name in ("Pin", "ADC", "I2C", "WDT"):
        getattr(machine, name)
    esp32.NVS, esp32.Partition  # noqa: B018
    for file, name in (
        ("rs485.bin", "hal_stations"), ("onewire.bin", "onewire"), ("wifi.json", "hal_air"),
    ):  # fmt: skip
        if _has(file):
            __import__(name)
    if _has("rs485.bin"):
        machine.UART  # noqa: B018
    gc.collect()


def _has(name):
    try:
        uos.stat(hal.path(name))
    except OSError:
        return False
    return True


def tap():
    """Write down what passes the firmware's seams, where the simulator reads it; in a world with
    room, collect seldom: it costs only time."""
    import hal_taps

    if uos.getenv("FG_WORLD") == "roomy":
        gc.threshold(_ROOMY_BYTES)

    hal_taps.tap_journal()
    if uos.getenv("FG_TAP_READINGS") == "1":
        hal_taps.tap_readings()
