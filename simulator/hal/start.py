"""Starts one simulated board: its flash, the ESP32's modules, then the firmware.

Run by the VM: micropython -X heapsize=160K start.py, with the board described by FG_ variables
(absolute paths).
"""

import sys

import uos
import vfs


def mount():
    """Make the board's flash the root; the world around it stands beside it under other names."""
    board, home, app = uos.getenv("FG_BOARD"), uos.getenv("FG_HAL"), uos.getenv("FG_APP")
    vfs.umount("/")
    vfs.mount(vfs.VfsPosix(board + "/flash"), "/")
    vfs.mount(vfs.VfsPosix(home), "/.hal")
    vfs.mount(vfs.VfsPosix(app), "/app")
    vfs.mount(vfs.VfsPosix(board), "/.board")
    uos.putenv("FG_MOUNTED", board)
    uos.putenv("FG_BOARD", "/.board")
    uos.chdir("/")
    sys.path[:] = ["/.hal", "/app", ".frozen"]


mount()

import hal_start  # noqa: E402

hal_start.lose_power()
hal_start.replace_builtins()
hal_start.enter_world()
hal_start.preload()

import boot  # noqa: E402, F401

hal_start.tap()
del sys.modules["hal_start"], hal_start, mount  # the firmware needs the room

import main  # noqa: E402, F401
