"""The floors of the house (docs/ARCHITECTURE.md): who may import whom, and what is banned.

`breaches(path, source)` knows every rule; the second half of this file shows that each can fail.
"""

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]

# MicroPython's own modules that need no hardware and no network.
PURE = {"array", "binascii", "collections", "errno", "hashlib", "json", "math", "micropython"}
PURE |= {"random", "re", "struct"}
LIVE = PURE | {"asyncio", "gc", "io", "os", "select", "socket", "ssl", "sys"}
TICKS = frozenset(
    {"ticks_add", "ticks_diff"}
)  # arithmetic; everything else in `time` reads or spends it
STDLIB = set(sys.stdlib_module_names)


class Floor(NamedTuple):
    """What the files of one folder may import; `only` adds what a single file may have besides."""

    folder: str
    deep: bool
    may_import: set[str]
    only: dict[str, set[str]]
    time_names: frozenset[str] = frozenset()  # what may be taken from `time`


FLOORS = [
    Floor(
        folder="firmware/lib",
        deep=True,
        may_import=PURE | {"lib"},
        only={
            "supervisor.py": {"asyncio"},
            "fingerprint.py": {"os"},
            "forget.py": {"gc", "sys"},
        },
        time_names=TICKS,
    ),
    Floor(
        folder="firmware/drivers",
        deep=True,
        may_import=PURE | {"lib"},
        only={},
        time_names=TICKS | {"sleep_us"},  # a conversion time, bounded by the driver
    ),
    Floor(
        folder="firmware",
        deep=False,
        may_import=LIVE
        | {"lib", "drivers"}
        | {path.stem for path in (ROOT / "firmware").glob("*.py")},
        only={"board.py": {"machine", "network", "esp32", "onewire"}, "clock.py": {"time"}},
        time_names=TICKS,
    ),
    Floor(
        folder="host/firegrid",
        deep=True,
        may_import=STDLIB | {"firegrid", "click", "rich", "sqlalchemy"},
        only={
            "mqtt.py": {"paho"},
            "boardport.py": {"mpremote"},
            "seal.py": {"cryptography"},
            "identity.py": {"cryptography"},
            "enrol.py": {"cryptography"},
            "filesystem.py": {"littlefs"},
            "label.py": {"PIL", "segno"},
            "ports.py": {"serial"},
            "writer.py": {"esptool", "serial"},
            "serialport.py": {"serial"},
            # a board's own, in image/board: they start the application
            "boot.py": {"boot", "machine", "micropython"},
            "main.py": {"main", "micropython"},
        },
    ),
    Floor(
        folder="simulator/firegrid_sim",
        deep=True,
        may_import=STDLIB | {"firegrid", "firegrid_sim", "click", "rich"},
        only={
            "broker.py": {"iotcore"},
            "forkserver.py": {"micropython_module"},
            "rom.py": {"esp32_mock_bootloader"},
            "serial_line.py": {"serial"},
        },
    ),
]
WRITTEN_BY_TABLES = {
    "codes",
    "kinds",
    "verbs",
    "wiring",
    "rules",
}  # `python -m firegrid.generate`; another test compares


def floor_of(path: str) -> Floor | None:
    """Return the floor that `path`, relative to the root, stands on."""
    folder = str(Path(path).parent)
    for floor in FLOORS:
        if folder == floor.folder or (floor.deep and folder.startswith(floor.folder + "/")):
            return floor
    return None


def breaches(path: str, source: str) -> list[str]:
    """Return one line for each rule that `source` breaks as the file `path`."""
    tree = ast.parse(source, path)
    found = [f"{path}:{line}: bare except" for line in _bare_excepts(tree)]
    if path.startswith(("firmware/", "simulator/hal/")):
        found += [f"{path}:{line}: numeric errno, use errno.NAME" for line in _errnos(tree)]
    floor = floor_of(path)
    if floor:
        found += [f"{path}:{line}: imports {what}" for line, what in _imports(tree, floor, path)]
    return found


def _imports(tree: ast.AST, floor: Floor, path: str):
    allowed = floor.may_import | floor.only.get(Path(path).name, set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] not in allowed:
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = str(node.module)
            names = {alias.name for alias in node.names}
            ticks_only = module == "time" and names <= floor.time_names
            if module.partition(".")[0] not in allowed and not ticks_only:
                yield node.lineno, f"{module}: {', '.join(sorted(names))}"


def _bare_excepts(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield node.lineno


def _errnos(tree: ast.AST):
    """Numbers differ between newlib and Linux: neither raised nor compared with."""
    for node in ast.walk(tree):
        raised = isinstance(node, ast.Call) and ast.unparse(node.func) == "OSError"
        if raised and any(_has_number(argument) for argument in node.args[:1]):
            yield node.lineno
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(_is_errno(side) for side in sides) and any(map(_has_number, sides)):
                yield node.lineno


def _is_errno(node: ast.AST) -> bool:
    return ast.unparse(node).endswith((".errno", ".args[0]"))


def _has_number(node: ast.AST) -> bool:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(map(_has_number, node.elts))
    if isinstance(node, ast.UnaryOp):
        return _has_number(node.operand)
    return isinstance(node, ast.Constant) and type(node.value) is int


def unchecked(files: list[str], checks: set[str]) -> list[str]:
    """Return the files of lib and drivers that have no check_ file."""
    return [
        file
        for file in files
        if Path(file).stem not in WRITTEN_BY_TABLES and f"check_{Path(file).stem}.py" not in checks
    ]


def sources(folder: str, deep: bool = True) -> list[str]:
    """Return the paths of the Python files in `folder`, relative to the root."""
    found = (ROOT / folder).glob("**/*.py" if deep else "*.py")
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def test_the_tree_keeps_every_rule():
    folders = ["firmware", "host", "simulator", "tests", "tools"]
    paths = [path for folder in folders for path in sources(folder)]
    found = [line for path in paths for line in breaches(path, (ROOT / path).read_text())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: floor.folder)
def test_every_floor_has_files_and_every_exception_is_used(floor):
    paths = sources(floor.folder, floor.deep)
    assert paths
    assert set(floor.only) <= {Path(path).name for path in paths}


def test_every_unit_of_lib_and_drivers_has_a_check_file():
    files = sources("firmware/lib") + sources("firmware/drivers")
    checks = {Path(path).name for path in sources("tests/firmware")}
    assert not unchecked(files, checks)


@pytest.mark.parametrize(
    ("path", "source", "breach"),
    [
        ("firmware/lib/a.py", "import machine", "imports machine"),
        ("firmware/lib/a.py", "import asyncio", "imports asyncio"),
        ("firmware/lib/a.py", "import typing", "imports typing"),
        ("firmware/lib/a.py", "from drivers.ads1115 import ADS1115", "imports drivers.ads1115"),
        ("firmware/lib/a.py", "def f():\n    from app import App", "imports app"),
        ("firmware/lib/a.py", "import time", "imports time"),
        ("firmware/lib/a.py", "from time import ticks_ms", "imports time: ticks_ms"),
        ("firmware/drivers/a.py", "from machine import ADC", "imports machine: ADC"),
        ("firmware/drivers/a.py", "import drivers.ads1115", "imports drivers.ads1115"),
        ("firmware/drivers/a.py", "from time import ticks_us", "imports time: ticks_us"),
        ("firmware/drivers/a.py", "import clock", "imports clock"),
        ("firmware/app.py", "import network", "imports network"),
        ("firmware/app.py", "import esp32", "imports esp32"),
        ("firmware/app.py", "import time", "imports time"),
        ("firmware/app.py", "import functools", "imports functools"),
        ("host/firegrid/a.py", "import firegrid_sim.run", "imports firegrid_sim.run"),
        ("host/firegrid/site/a.py", "from lib import record", "imports lib"),
        ("host/firegrid/site/a.py", "import paho.mqtt", "imports paho.mqtt"),
        ("host/firegrid/a.py", "import undeclared", "imports undeclared"),
        ("simulator/firegrid_sim/a.py", "from firmware import app", "imports firmware: app"),
        ("simulator/firegrid_sim/a.py", "import lib.journal", "imports lib.journal"),
        ("simulator/firegrid_sim/a.py", "import machine", "imports machine"),
        ("tools/a.py", "try:\n    f()\nexcept:\n    pass", "bare except"),
        ("firmware/app.py", "try:\n    f()\nexcept:\n    pass", "bare except"),
        ("firmware/app.py", "raise OSError(110)", "numeric errno"),
        ("firmware/app.py", "raise OSError(-2, 'no answer')", "numeric errno"),
        ("firmware/app.py", "ok = error.errno == 11", "numeric errno"),
        ("firmware/app.py", "ok = error.args[0] in (11, errno.EAGAIN)", "numeric errno"),
        ("simulator/hal/socket.py", "raise OSError(113)", "numeric errno"),
    ],
)
def test_a_breach_is_seen(path, source, breach):
    assert any(breach in line for line in breaches(path, source)), breaches(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("firmware/lib/a.py", "from time import ticks_diff\nfrom lib import record"),
        ("firmware/lib/supervisor.py", "import asyncio"),
        ("firmware/drivers/a.py", "from lib.codes import OPEN\nfrom time import sleep_us"),
        ("firmware/board.py", "import machine, network, esp32\nimport drivers.ads1115"),
        ("firmware/clock.py", "import time"),
        ("firmware/app.py", "import errno\nraise OSError(errno.ETIMEDOUT)"),
        ("firmware/app.py", "ok = error.errno == errno.EAGAIN and count == 11"),
        ("host/firegrid/mqtt.py", "from paho.mqtt.client import Client"),
        ("host/firegrid/site/a.py", "from .model import Site\nimport tomllib"),
        ("simulator/firegrid_sim/a.py", "from firegrid.errors import FiregridError"),
    ],
)
def test_what_is_allowed_is_no_breach(path, source):
    assert breaches(path, source) == []


def test_a_unit_without_its_check_file_is_seen():
    files = ["firmware/lib/hold.py", "firmware/drivers/ads1115.py", "firmware/lib/kinds.py"]
    assert unchecked(files, {"check_hold.py"}) == ["firmware/drivers/ads1115.py"]
