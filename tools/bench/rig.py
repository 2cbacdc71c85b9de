"""What several areas are built from: VMs, quiet gateways on a broker, waiting with a limit."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TypeVar

from firegrid.errors import FiregridError
from firegrid.resources import hal_dir
from firegrid.site.config import config_lines
from firegrid.site.load import load_site
from firegrid.site.model import Site
from firegrid.tables import quantities
from firegrid_sim.board import HEAP, Bench, Board, compiled
from firegrid_sim.electrical import sensor_for
from firegrid_sim.forkserver import ForkServer

VM_PROGRAMS = Path(__file__).parent / "vm"
PERIOD_MS = 100  # 10 readings a second, where a kind's table allows it
QUIET = {  # one point of each kind, all on the ESP32's own converter
    "smoke/loop_ma": "gpio34",
    "gas/pct_lel": "gpio35",
    "leakage/ma": "gpio36",
    "hydrant/kpa": "gpio39",
}
POLL_S = 0.02
_SITE = """\
format = 1
id = "bench"
name = "Gateways to be measured"
timezone = "Asia/Shanghai"

[[node]]
id = "community"
kind = "community"
name = "Community"

[[grid]]
id = "grid"
name = "Grid"
parent = "community"
leader = "leader"
members = ["member"]

[[person]]
id = "leader"
roles = ["grid-leader"]

[[person]]
id = "member"
roles = ["grid-member"]
"""


class Startable(Protocol):
    """A part with a beginning and an end."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""


T = TypeVar("T", bound=Startable)


def started(stack: ExitStack, part: T) -> T:
    """Start a part that ends with the stack, also where its start fails or is interrupted."""
    stack.callback(part.stop)
    part.start()
    return part


def wait_for(is_so: Callable[[], bool], what: str, within_s: float) -> None:
    """Wait until something is so; raise where it takes too long."""
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            raise FiregridError(f"{what} took longer than {within_s:g} s")
        time.sleep(POLL_S)


def quiet_site(directory: Path, wirings: Sequence[Mapping[str, str]], fast: bool = False) -> Site:
    """Return a site with a gateway for each wiring: the quantity of each point, and its input.

    Points are read as often as usual, or `fast`: 10 times a second where the kind allows it."""
    return load_site(write_site(directory, "".join(_lines(wirings, fast))))


def write_site(directory: Path, gateways_and_points: str) -> Path:
    """Write a site file with a community of one grid around these tables; return it."""
    path = directory / "site.toml"
    path.write_text(_SITE + gateways_and_points)
    return path


def _lines(wirings: Sequence[Mapping[str, str]], fast: bool) -> Iterator[str]:
    number = 0
    for n, wiring in enumerate(wirings):
        yield f'[[gateway]]\nid = "gw-{n}"\ngrid = "grid"\nplace = "Place {n}"\n'
        for key, pin in wiring.items():
            number += 1
            yield (
                f'[[point]]\nnumber = {number}\nid = "point-{number}"\n'
                f'kind = "{key.partition("/")[0]}"\ngateway = "gw-{n}"\n'
                f'place = "Place {number}"\ninput = "{pin}"\n'
            )
            if fast:
                yield f"period_ms = {period_ms(key)}\n"


def period_ms(key: str) -> int:
    """Return 10 times a second, or the shortest period that the table of kinds allows."""
    return max(PERIOD_MS, int(quantities()[key].period_ms.low))


def gateways(site: Site, directory: Path, server: ForkServer, port: int) -> list[Board]:
    """Return the site's boards, configured, wired in peace, switched off."""
    bench = Bench(server, compiled(None), hal_dir())
    boards = []
    for gateway in site.gateways:
        board = Board(gateway.id, directory / gateway.id, bench)
        board.configure(config_lines(site, gateway, "127.0.0.1", port))
        for point in site.points_of(gateway.id):
            sensor_for(point, site.mains_hz).wire(board.io)
        boards.append(board)
    return boards


def application(directory: Path, main: str, *modules: str) -> Path:
    """Return the folder of an application made of VM programs, and of the firmware's boot."""
    directory.mkdir()
    shutil.copy(compiled(None) / "boot.mpy", directory)
    shutil.copy(VM_PROGRAMS / main, directory / "main.py")
    for module in modules:
        shutil.copy(VM_PROGRAMS / module, directory)
    return directory


def run_vm(
    server: ForkServer,
    arguments: Sequence[object],
    console: Path,
    within_s: float,
    path: str = ".frozen",
    heap: str = HEAP,
) -> str:
    """Run a bare VM to its end; return what it has printed."""
    console.unlink(missing_ok=True)
    argv = ["micropython", "-X", f"heapsize={heap}", *map(str, arguments)]
    vm = server.spawn(argv, {"MICROPYPATH": path}, console, lambda _: None)
    wait_for(lambda: vm.status is not None, f"a VM with {argv[3:]}", within_s)
    printed = console.read_text()
    if vm.status:
        raise FiregridError(f"{argv[3]} in the VM: {printed.strip() or vm.status}")
    return printed


def run_alone(
    arguments: Sequence[object], directory: Path, within_s: float, more: str = "", heap: str = HEAP
) -> str:
    """Run a bare VM with the shipped firmware, and `more` in its path, where nothing else runs."""
    path = f"{compiled(None)}:{more}.frozen"
    with ExitStack() as stack:
        server = started(stack, ForkServer())
        return run_vm(server, arguments, directory / "vm.log", within_s, path, heap)
