"""QoS 1 publishes a second of the firmware's MQTT client, against the ceiling of the same VM."""

import json
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from firegrid_sim.board import compiled
from firegrid_sim.broker import Broker, free_port
from firegrid_sim.forkserver import ForkServer
from left_out import find

from bench import rig
from bench.result import Area, Pair, Result, Row, Tell, compare

ABOUT = (
    "The VM alone, without the HAL: its own sockets, loopback, no TLS. Publishes of 200 bytes at "
    "QoS 1, counted when acknowledged. Sides take turns in one VM, a new connection for each "
    "round. The yardsticks write packets that were encoded before and count the acknowledgements "
    "by their length: what any client in this VM could reach at most."
)
HEAP = "256K"  # all sides and a journal in one VM
PROGRAM = rig.VM_PROGRAMS / "publish.py"
STREAMS = "raw asyncio streams loop, packets ready"
BLOCKING = "raw blocking socket loop, packets ready"
UPLINK_WINDOW = 8  # what the uplink uses
_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_type none
set_tcp_nodelay true
"""


class Size(NamedTuple):
    """How much is measured."""

    messages: int  # in a round of one side
    records: int
    rounds: int


FULL = Size(messages=16000, records=1600, rounds=15)
QUICK = Size(messages=200, records=40, rounds=2)


class Mosquitto:
    """The broker that a community runs, as installed on this machine."""

    def __init__(self, program: str, directory: Path) -> None:
        self.port = free_port()
        self._program = program
        self._config = directory / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._config.write_text(_MOSQUITTO.format(port=self.port))
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us
        )
        rig.wait_for(self._listens, "the start of mosquitto", 10)

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


def run(quick: bool, directory: Path, tell: Tell) -> Result:
    """Measure the client at two windows, then the whole uplink."""
    size = QUICK if quick else FULL
    with ExitStack() as stack:
        server = rig.started(stack, ForkServer())
        name, port = _broker(stack, directory)

        def turns(window: int, count: int, *sides: str) -> dict[str, list[float]]:
            tell(f"window {window}: {', '.join(sides)}")
            arguments = [PROGRAM, port, window, count, size.rounds, *sides]
            path = f"{compiled(None)}:{PROGRAM.parent}:.frozen"
            printed = rig.run_vm(server, arguments, directory / "vm.log", 120, path, HEAP)
            return dict(json.loads(printed))

        rows = [
            row
            for window in (8, 16)
            for row in _client_rows(
                window, turns(window, size.messages, "client", "streams", "blocking")
            )
        ]
        rows.append(_journal_row(turns(UPLINK_WINDOW, size.records, "journal", "client")))
    return Result(rows, [f"Broker: {name}."])


def _broker(stack: ExitStack, directory: Path) -> tuple[str, int]:
    """Start mosquitto where it is installed, else the embedded broker; return name and port."""
    program = find("mosquitto")
    if program is None:
        broker = rig.started(stack, Broker(directory / "broker"))
        return "the embedded one (mosquitto is not installed)", broker.port
    mosquitto = rig.started(stack, Mosquitto(program, directory))
    return _version(program), mosquitto.port


def _version(program: str) -> str:
    told = subprocess.run([program, "-h"], capture_output=True, text=True).stdout
    return told.partition("\n")[0].strip()


def _client_rows(window: int, rates: dict[str, list[float]]) -> list[Row]:
    what = f"firmware/mqtt.py, window {window}"
    held_to = "≥ 0.85" if window == 16 else ""
    return [
        compare(what, "msg/s", STREAMS, _pairs(rates, "client", "streams"), held_to),
        compare(what, "msg/s", BLOCKING, _pairs(rates, "client", "blocking")),
    ]


def _journal_row(rates: dict[str, list[float]]) -> Row:
    what = f"journal to broker through firmware/uplink.py, window {UPLINK_WINDOW}"
    yardstick = "firmware/mqtt.py alone, same window, messages"
    pairs = _pairs(rates, "journal", "client")
    return compare(what, "records/s", yardstick, pairs, "≥ 0.30")


def _pairs(rates: dict[str, list[float]], side: str, yardstick: str) -> list[Pair]:
    return [Pair(*pair) for pair in zip(rates[side], rates[yardstick], strict=True)]


AREA = Area("link", ABOUT, run)
