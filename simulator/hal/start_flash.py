"""Starts one simulated board from its flash, as a chip does: what was flashed is what runs.

Run by the VM: micropython -X heapsize=160K start_flash.py, with the board described by FG_
variables (absolute paths); its flash is flash.bin.
"""

import sys

import uos
import vfs


def mount():
    """Let nothing of the host be seen but the chip's own modules and the board's files."""
    board, home = uos.getenv("FG_BOARD"), uos.getenv("FG_HAL")
    vfs.umount("/")
    vfs.mount(vfs.VfsPosix(home), "/.hal")
    vfs.mount(vfs.VfsPosix(board), "/.board")
    uos.putenv("FG_BOARD", "/.board")
    sys.path[:] = ["/.hal", "", ".frozen"]


def start(name):
    """Run a source file of the root, as the interpreter does; nothing where there is none. Ctrl-C
    interrupts it, unless it says otherwise."""
    micropython.kbd_intr(3)
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        return
    exec(compile(source, name, "exec"), {"__name__": "__main__"})


mount()

import hal_start  # noqa: E402

hal_start.lose_power()
hal_start.replace_builtins()

import micropython  # noqa: E402

import hal_flash  # noqa: E402

hal_flash.take()
hal_start.preload()
uos.chdir("/")
del sys.modules["hal_start"], hal_start, mount

try:
    start("/boot.py")
    start("/main.py")
except KeyboardInterrupt as stopped:
    sys.print_exception(stopped)
except Exception as failed:
    sys.print_exception(failed)

import hal_repl  # noqa: E402

hal_repl.serve()
