"""The ESP32's `machine`: each part is loaded when the firmware first names it."""

import binascii

import uos
from micropython import const
from umachine import Signal, idle  # noqa: F401 the same on the chip

import hal

PWRON_RESET = const(1)
HARD_RESET = const(2)
WDT_RESET = const(3)
DEEPSLEEP_RESET = const(4)
SOFT_RESET = const(5)

_FREQUENCIES = (20000000, 40000000, 80000000, 160000000, 240000000)
_PARTS = {
    "Pin": "hal_pin",
    "ADC": "hal_adc",
    "I2C": "hal_i2c",
    "SoftI2C": "hal_i2c",
    "UART": "hal_uart",
    "PWM": "hal_pwm",
    "WDT": "hal_wdt",
    "RTC": "hal_rtc",
    "Timer": "hal_timer",
}
_freq = 160000000


def __getattr__(name):
    if name not in _PARTS:
        raise hal.unknown("machine", name)
    part = getattr(__import__(_PARTS[name]), name)
    globals()[name] = part
    return part


def reset():
    """Reset the board: leave the cause for the next start and die at once, like the chip."""
    _die(HARD_RESET)


def soft_reset():
    """Restart the interpreter."""
    _die(SOFT_RESET)


def _die(cause):
    with open(hal.path("reset"), "w") as file:
        file.write(str(cause))
    uos.system("kill -9 $PPID")


def reset_cause():
    """Return why the board started."""
    return hal.CAUSE


def unique_id():
    """Return the six bytes of the base MAC address."""
    return binascii.unhexlify(uos.getenv("FG_MAC") or "020000000001")


def freq(hz=None):
    """Return the CPU's frequency in Hz, or set it."""
    global _freq
    if hz is None:
        return _freq
    if hz not in _FREQUENCIES:
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    _freq = hz
    return None
