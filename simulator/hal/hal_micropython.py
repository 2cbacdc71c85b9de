"""The built-in `micropython` with what the ESP32 has and the host's VM lacks."""

from micropython import *  # noqa: F403


def kbd_intr(char):
    """Say which byte of the console interrupts what runs: flashed.py looks there."""
    import hal

    with open(hal.path("interrupt"), "w") as file:
        file.write(str(char))


def alloc_emergency_exception_buf(size):
    """Nothing to do: no interrupt handlers run here."""
