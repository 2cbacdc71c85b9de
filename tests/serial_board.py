"""A board at a serial port: a pseudo-terminal that speaks MicroPython's raw REPL.

What is sent to it runs in the real VM over a simulated board's flash. A pseudo-terminal has no
baud rate and no reset line; the REPL is ours, as the VM's own has no raw mode.
"""

import contextlib
import os
import pty
import termios
import threading
import tty

from vm import HAL, run_vm

PROMPT = b"\r\n>>> "
RAW = b"raw REPL; CTRL-B to exit\r\n>"
INTERRUPT, RAW_MODE, FRIENDLY, END, PASTE = b"\x03", b"\x01", b"\x02", b"\x04", b"\x05"


class SerialBoard:
    """Use it in a `with`; `port` is its name; `garble` is what the line makes of a reply."""

    def __init__(self, directory, garble=lambda output: output):
        self._directory = directory
        self._garble = garble
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave, termios.TCSANOW)
        self.port = os.ttyname(self._slave)
        self._raw = False
        self._code = b""
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.close(self._slave)
        self._thread.join()
        os.close(self._master)

    def _run(self):
        with contextlib.suppress(OSError):  # the last who had the port open is gone
            while byte := os.read(self._master, 1):
                self._hear(byte)

    def _hear(self, byte):
        if byte == RAW_MODE and not self._code.startswith(PASTE):
            self._raw = True
            self._code = b""
            self._say(RAW)
        elif byte == INTERRUPT:
            self._code = b""
            self._say(PROMPT)
        elif self._raw and byte == FRIENDLY:
            self._raw = False
            self._say(PROMPT)
        elif self._raw and byte == END:
            self._execute()
        elif self._raw:
            self._code += byte
            if self._code == PASTE + b"A" + RAW_MODE:
                self._code = b""
                self._say(b"R\x00")  # knows of it, and cannot

    def _execute(self):
        code, self._code = self._code.decode(), b""
        env = {"FG_BOARD": self._directory, "MICROPYPATH": f"{HAL}:.frozen"}
        done = run_vm("-c", code, **env)
        output, errors = (
            text.replace("\n", "\r\n").encode() for text in (done.stdout, done.stderr)
        )
        self._say(b"OK" + self._garble(output) + END + errors + END + b">")

    def _say(self, data):
        while data:
            data = data[os.write(self._master, data) :]


def _lines(text):
    return text.replace("\n", "\r\n").encode()
