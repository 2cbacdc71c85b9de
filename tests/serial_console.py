"""A simulated board's console as a serial port: a pseudo-terminal before the VM that runs it.

What is written to `port` is typed at the board; what the board prints comes from it.
"""

import os
import pty
import select
import termios
import threading
import tty

_POLL_S = 0.02
_PIECE_BYTES = 4096


class SerialConsole:
    """Use it in a `with`; `deaf` says that nothing reaches the board."""

    def __init__(self, board):
        self._board = board
        self._log = board.directory / "console.log"
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave, termios.TCSANOW)
        self.port = os.ttyname(self._slave)
        self.deaf = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        os.close(self._slave)
        os.close(self._master)

    def _run(self):
        at = self._log.stat().st_size if self._log.exists() else 0
        while not self._stop.is_set():
            if select.select([self._master], [], [], _POLL_S)[0]:
                typed = os.read(self._master, _PIECE_BYTES)
                if not self.deaf:
                    self._board.send(typed)
            if self._log.exists():
                with self._log.open("rb") as log:
                    log.seek(at)
                    printed = log.read()
                at += len(printed)
                while printed:
                    printed = printed[os.write(self._master, printed) :]
