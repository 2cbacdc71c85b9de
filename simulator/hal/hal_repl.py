"""What a board does when its application was interrupted: MicroPython's REPL at the serial port.

The VM's own has no raw mode. The file `repl` stands beside the board's others while a line is
waited for: then a Ctrl-C is only a byte, else it interrupts what runs.
"""

import sys

import micropython
import uos

import hal

_INTERRUPT, _RAW, _FRIENDLY, _END, _PASTE = 3, 1, 2, 4, 5
_PROMPT = "\r\n>>> "
_RAW_PROMPT = "raw REPL; CTRL-B to exit\r\n>"


def serve():  # noqa: PLR0912, PLR0915 one key, one branch
    """Carry out what is typed, for ever."""
    scope = {"__name__": "__main__"}
    raw, code = False, bytearray()
    say = sys.stdout.write
    say(_PROMPT)
    micropython.kbd_intr(3)
    with open(hal.path("repl"), "w"):
        pass
    while True:
        byte = sys.stdin.buffer.read(1)
        if not byte:
            return
        key = byte[0]
        if key == _RAW and bytes(code) == b"\x05A":
            code = bytearray()
            say("R\0")  # it knows of the faster way, and cannot
        elif key == _RAW:
            raw, code = True, bytearray()
            say(_RAW_PROMPT)
        elif key == _FRIENDLY or key == _INTERRUPT:
            raw, code = raw and key == _INTERRUPT, bytearray()
            say(_PROMPT)
        elif key == _END:
            if not raw:
                return  # a soft reset
            if code:
                say("OK")
                failed = _run(code, scope)
                say("\x04")
                if failed:
                    sys.print_exception(failed)
                say("\x04>")
            else:
                say("OK\r\nMPY: soft reboot\r\n" + _RAW_PROMPT)
            code = bytearray()
        elif raw:
            code.append(key)
        elif byte in b"\r\n":
            say("\r\n")
            failed = _run(code, scope)
            if failed:
                sys.print_exception(failed)
            code = bytearray()
            say(">>> ")
        else:
            code.append(key)
            say(byte.decode())


def _run(code, scope):
    """Carry out some lines; return what went wrong."""
    uos.remove(hal.path("repl"))
    failed = None
    try:
        exec(compile(bytes(code), "<stdin>", "exec"), scope)
    except (Exception, KeyboardInterrupt) as error:
        failed = error
    with open(hal.path("repl"), "w"):
        pass
    return failed
