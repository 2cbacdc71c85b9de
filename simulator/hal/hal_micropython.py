"""The built-in `micropython` with what the ESP32 has and the host's VM lacks."""

from micropython import *  # noqa: F403


def alloc_emergency_exception_buf(size):
    """Nothing to do: no interrupt handlers run here."""
