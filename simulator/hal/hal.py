"""What all simulated modules share: how this board was started, and where its files are."""

import uos
from micropython import const

PWRON_RESET = const(1)

SPEED = int(uos.getenv("FG_SPEED") or 1)  # how much faster than the host's clock this board lives
START_MS = int(uos.getenv("FG_TICKS_START") or 0)  # what ticks_ms() says at the start
CAUSE = int(uos.getenv("FG_RESET_CAUSE") or PWRON_RESET)
wifi_on = False  # set by network, read by ADC: Wi-Fi takes ADC block 2


def spend(what, times=1):
    """Let pass what a call takes on the chip (hal_costs.py): only in a world."""


class Part:
    """Base of all simulated parts: whatever is not simulated says so by name."""

    def __getattr__(self, name):
        raise unknown(type(self).__name__, name)


def unknown(owner, name):
    """Return the error for a call that the simulated board does not have."""
    return NotImplementedError(owner + "." + name + " is not simulated")


def rubbish(count):
    """Return random bytes, as a disturbed line gives them."""
    from random import getrandbits

    return bytes([getrandbits(8) for _ in range(count)])


def path(name):
    """Return the path of one of the board's own files."""
    board = uos.getenv("FG_BOARD")
    if not board:
        raise RuntimeError("FG_BOARD is not set: " + name + " needs a board directory")
    return board + "/" + name
