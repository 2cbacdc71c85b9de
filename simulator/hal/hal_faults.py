"""What a world does inside a board: traps for the next call, a heap that is full."""

import gc
from random import getrandbits

from micropython import const

import hal_io
import hal_world

_KEEP_BYTES = const(512)  # at least so much is left of a full heap
_PIECE_BYTES = const(65536)
_LEAST_BYTES = const(64)

_link_up = hal_io.link_up
_trap = 0


def take(verdict):
    """Let it happen."""
    global _trap
    if verdict == hal_world.RAISE or verdict == hal_world.HANG:
        _trap = verdict
        hal_io.link_up = link_up
    elif verdict == hal_world.FILL:
        fill()
    elif verdict == hal_world.FREE:
        hal_world._ballast = hal_world._reserve = None
    elif verdict == hal_world.TEAR:
        hal_world._tear = 16 if getrandbits(1) else 1  # notes and headers are written seldom
    else:
        hal_world.find_bad()


def link_up():
    """What the uplink calls: once it raises, or never returns."""
    global _trap
    trap, _trap = _trap, 0
    if trap:
        hal_io.link_up = _link_up
        hal_world.ask(hal_world.TRAP, trap)
    if trap == hal_world.RAISE:
        raise RuntimeError("nobody expects this")
    while trap:
        hal_world.sleep_us(1000000)
    return _link_up()


def fill():
    """Take all of the heap but a little, in ever smaller pieces."""
    gc.collect()
    hal_world._ballast = ()
    keep = _KEEP_BYTES + getrandbits(12)
    size = _PIECE_BYTES
    while gc.mem_free() > keep and size >= _LEAST_BYTES:
        try:
            hal_world._ballast = (hal_world._ballast, bytearray(size))
        except MemoryError:
            size //= 2
