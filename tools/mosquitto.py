"""The broker that a community runs, as installed on this machine: for tests and bench."""

import socket
import subprocess
import time
from pathlib import Path

from firegrid.errors import FiregridError
from firegrid_sim.broker import free_port
from left_out import find

START_S = 10.0
_POLL_S = 0.02
_CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_type none
set_tcp_nodelay true
"""


class Mosquitto:
    """One broker on one port, used as firegrid_sim.broker.Broker is; it keeps nothing either."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The broker's process id; only while it was started."""
        assert self._process, "mosquitto was not started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives (it may be stopped by a signal)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.stop()
        self._directory.mkdir(parents=True, exist_ok=True)
        config = self._directory / "mosquitto.conf"
        config.write_text(_CONFIG.format(port=self.port))
        self._process = subprocess.Popen(
            [find("mosquitto") or "mosquitto", "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us
        )
        deadline = time.monotonic() + START_S
        while not self._listens():
            if time.monotonic() > deadline or not self.is_running:
                self.stop()
                raise FiregridError(f"mosquitto did not start on 127.0.0.1:{self.port}")
            time.sleep(_POLL_S)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=0.5).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Kill it: it has nothing to save."""
        if self._process:
            self._process.kill()
            self._process.wait()
        self._process = None
