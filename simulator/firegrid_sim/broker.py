"""The embedded MQTT broker of a run: iotcore on 127.0.0.1, in a process that may be broken."""

import importlib.util
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from random import SystemRandom

from firegrid.errors import FiregridError

# rumqttd keeps delivered messages in segments per topic filter. Four of 1 MiB bound that memory
# and, unlike smaller ones, still keep what an absent subscriber has yet to read.
_CONFIG = """\
id = 0
[router]
id = 0
max_connections = 2000
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 4
[v4.1]
name = "firegrid"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 0
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 20480
max_inflight_count = 100
dynamic_filters = true
"""
_PORTS = range(20000, 32768)  # below those that Linux (32768) and macOS (49152) hand out
_START_S = 10.0
_POLL_S = 0.02


def require_broker() -> None:
    """Raise where the embedded broker is not installed; called before anything is started."""
    if importlib.util.find_spec("iotcore") is None:
        raise FiregridError(
            "the embedded broker is not installed",
            "pip install 'firegrid[sim]', or use your own with --broker mqtt://HOST:PORT",
        )


class Broker:
    """One broker on one port; as the design expects of brokers, it forgets all on a restart.

    Tests may signal `pid` (SIGKILL, SIGSTOP, SIGCONT) and `start` it again on the same port.
    """

    name = "the embedded broker"

    def __init__(self, directory: Path, port: int = 0) -> None:
        self.port = port or free_port()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The broker's process id; only while it was started."""
        assert self._process, "the broker was not started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives (it may be stopped by a signal)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the broker and wait until it listens."""
        self.stop()
        if _listens(self.port):
            raise FiregridError(f"somebody else listens on 127.0.0.1:{self.port}")
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,  # its end tells the broker that we are gone
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop the broker ourselves
            )
        self._wait()

    def _command(self) -> list[str]:
        """Write the configuration; return what starts a broker with it."""
        config = self._directory / "broker.toml"
        config.write_text(_CONFIG.format(port=self.port))
        return [sys.executable, "-m", "firegrid_sim.broker", str(config)]

    def stop(self) -> None:
        """Kill the process: it has nothing to save, and a stopped one hears no other signal."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        self._process = None

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if not self.is_running:
                break
            if _listens(self.port):
                return
            time.sleep(_POLL_S)
        self.stop()
        log = self._directory / "broker.log"
        raise FiregridError(
            f"{self.name} did not start on 127.0.0.1:{self.port}",
            f"see {log}, or use your own broker with --broker mqtt://HOST:PORT",
        )


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody uses now, and that no connection is given as its
    own: whoever listens there can die and come back."""
    for port in SystemRandom().sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise FiregridError("no port of 127.0.0.1 is free", f"between {_PORTS[0]} and {_PORTS[-1]}")


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True


def _serve(config: str) -> None:
    """Be the broker's process, until our parent closes the pipe or is gone."""
    from iotcore import Broker as Rumqttd  # not needed by the parent

    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)  # it calls every routing step an error
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    Rumqttd(config_path=config).run_forever()


def _exit_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
