"""The ESP32's `os`: files as the VM has them, nothing of the host around it."""

import uos
import vfs
from uos import *  # noqa: F403

import hal

del getenv, putenv, unsetenv, system, errno, VfsPosix  # noqa: F821 the host's, not the chip's

_board = uos.getenv("FG_MOUNTED")  # the host's folder, once start.py has mounted it


def rename(old, new):
    """Rename a file. The VM's own takes both names for the new one where a folder is mounted."""
    if _board:
        vfs.VfsPosix().rename(_on_host(old), _on_host(new))
    else:
        uos.rename(old, new)


def _on_host(path):
    if path[0] != "/":
        path = uos.getcwd() + "/" + path
    return _board + (path[7:] if path.startswith("/.board/") else "/flash" + path)


def sync():
    """Nothing to do: what was written is in the host's file."""


def uname():
    """Return what the simulated board calls itself."""
    from collections import namedtuple

    names = ("sysname", "nodename", "release", "version", "machine")
    board = "Generic ESP32 module with ESP32"
    return namedtuple("uname", names)("esp32", "esp32", "1.29.0", "firegrid simulator", board)


def __getattr__(name):
    raise hal.unknown("os", name)
