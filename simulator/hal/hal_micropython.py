"""The built-in `micropython` with what the ESP32 has and the host's VM lacks."""

from micropython import *  # noqa: F403


def kbd_intr(char):
    """Say which byte of the console interrupts what runs, below zero none: flashed.py looks."""
    import hal_io

    hal_io.poke(hal_io.INTERRUPT, bytes((char & 255,)))


def alloc_emergency_exception_buf(size):
    """Nothing to do: no interrupt handlers run here."""
