"""CPU time of a quiet gateway with four points, against a loop that only reads four inputs."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from firegrid import wire
from firegrid.ingest import Ingest
from firegrid.resources import hal_dir
from firegrid.store import Store
from firegrid_sim.board import Bench, Board
from firegrid_sim.broker import Broker
from firegrid_sim.forkserver import ForkServer

from bench import rig
from bench.cpu import cpu_s
from bench.result import Area, Pair, Result, Row, Tell, compare

LOOP = "asyncio loop that reads 4 ADC inputs 10 times a second"
NO_LEAKAGE = {key: pin for key, pin in rig.QUIET.items() if key != "leakage/ma"}
RATES = ", ".join(f"{key.partition('/')[0]} {1000 / rig.period_ms(key):g} Hz" for key in rig.QUIET)
ABOUT = (
    "CPU time of the gateways' VM processes alone, connected to the embedded broker and to a "
    f"desk that stores, while nothing happens. One point of each kind: {RATES} (as fast as the "
    "table of kinds allows, 10 Hz at most). All sides run at the same time in the same VM with "
    "the same HAL; a round is the mean over the boards of a side. Leakage is also left out once: "
    "each of its readings is 20 timed samples of a mains cycle."
)


class Size(NamedTuple):
    """How much is measured."""

    boards: int  # on each side
    settle_s: float
    rounds: int
    round_s: float


class Shares(NamedTuple):
    """The share of a core that a board of each side has used in a round."""

    gateway: float
    without_leakage: float
    loop: float


FULL = Size(boards=3, settle_s=10, rounds=15, round_s=4)
QUICK = Size(boards=1, settle_s=0.5, rounds=2, round_s=0.5)


def run(quick: bool, directory: Path, tell: Tell) -> Result:
    """Measure all sides in the same seconds."""
    size = QUICK if quick else FULL
    with ExitStack() as stack:
        server = rig.started(stack, ForkServer())
        broker = rig.started(stack, Broker(directory / "broker"))
        wirings = [rig.QUIET] * size.boards + [NO_LEAKAGE] * size.boards
        site = rig.quiet_site(directory, wirings, fast=True)
        ready: set[str] = set()

        def stored(message: wire.Message) -> None:
            if isinstance(message, wire.StateHead):
                ready.add(message.gateway)

        store = Store(f"sqlite:///{directory / 'desk.db'}")
        stack.callback(store.close)
        ingest = rig.started(stack, Ingest(broker.url, site.id, store, stored))
        boards = rig.gateways(site, directory / "boards", server, broker.port)
        sides = (boards[: size.boards], boards[size.boards :], _loops(size, directory, server))
        tell(f"{size.boards} boards on each side start")
        for board in chain(*sides):
            rig.started(stack, board)
        rig.wait_for(lambda: len(ready) == len(boards), "the gateways' first state", 60)
        time.sleep(size.settle_s)
        events = ingest.counts.events
        rounds = []
        for n in range(size.rounds):
            tell(f"round {n + 1} of {size.rounds}")
            rounds.append(_round(sides, size.round_s))
        return Result(_rows(rounds), _notes(ingest.counts.events - events, [*chain(*sides)]))


def _loops(size: Size, directory: Path, server: ForkServer) -> list[Board]:
    bench = Bench(server, rig.application(directory / "loop", "adc_loop.py"), hal_dir())
    return [Board(f"loop-{n}", directory / "loops" / str(n), bench) for n in range(size.boards)]


def _round(sides: Sequence[Sequence[Board]], round_s: float) -> Shares:
    begin = time.monotonic()
    before = [_used_s(side) for side in sides]
    time.sleep(round_s)
    after = [_used_s(side) for side in sides]
    took_s = time.monotonic() - begin
    return Shares(*((end - start) / took_s for start, end in zip(before, after, strict=True)))


def _used_s(boards: Sequence[Board]) -> float:
    return mean(cpu_s(board.pid or 0) for board in boards)


def _notes(events: int, boards: Sequence[Board]) -> list[str]:
    """Return what speaks against the figures: it was not quiet, or a VM started again."""
    resets = sum(sum(board.resets.values()) for board in boards)
    found = [f"Not quiet: {events} events while it was measured."] if events else []
    return found + ([f"Not sound: {resets} resets."] if resets else [])


def _rows(rounds: Sequence[Shares]) -> list[Row]:
    gateway = [Pair(1000 * round.gateway, 1000 * round.loop) for round in rounds]
    dry = [Pair(1000 * round.without_leakage, 1000 * round.loop) for round in rounds]
    per_core = [Pair(1 / round.gateway, 1 / round.loop) for round in rounds]
    return [
        compare("CPU of a gateway", "ms per second", LOOP, gateway),
        compare("the same without its leakage point", "ms per second", LOOP, dry),
        compare("gateways per core (1 / CPU share)", "VMs", "such loops per core", per_core),
    ]


AREA = Area("gateways", ABOUT, run)
