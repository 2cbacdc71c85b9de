"""One simulated board: its directory, its pins, the VM that runs on it, and what it did.

The directory is what the hardware abstraction inside the VM sees as the chip: flash, inputs,
outputs. This side drives the inputs, reads the taps, and is the reset logic: it kills on an
expired watchdog, starts the VM again after any exit, and can cut the power.
"""

import hashlib
import json
import os
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from firegrid.errors import FiregridError
from firegrid.resources import firmware_dir

from firegrid_sim.forkserver import ForkServer, Vm

T = TypeVar("T")

POWER_ON, HARD, WATCHDOG, DEEP_SLEEP, SOFT = 1, 2, 3, 4, 5  # machine.reset_cause() on an ESP32

EVENTS, SAMPLES = 0, 1  # lanes of the journal
NO_VALUE = -0x80000000

I2C_ABSENT, I2C_OK, I2C_RUBBISH, I2C_STUCK = 0, 1, 2, 3
BUS_ABSENT, BUS_OK, BUS_RUBBISH, BUS_REFUSES, BUS_SHORT = 0, 1, 2, 3, 3  # stations and probes

FIRMWARE_KIB = 160  # the ESP32's 112 KB in 64-bit objects
HAL_KIB = 54  # what simulator/hal takes of the same heap; on a board it is C, outside of it
BUS_KIB = 5  # each of RS-485 and 1-Wire, on boards that have it
NAMES_KIB = 14  # with the HAL's names the VM's table of names goes beyond 1235: it doubles
HEAP = f"{FIRMWARE_KIB + HAL_KIB + NAMES_KIB}K"
_BOOT_S = 0.3  # from reset to boot.py; also keeps a board that cannot start from eating a core
_TIMEOUT_MIN_S = 1.0  # at high speed the host's own pauses must not look like a hung gateway

CTRL_C = b"\x03"

_IO_SIZE = 1024
_MAGIC = 0x4F494746
_HEADER = struct.Struct("<IIiIQQ")
_LINK = struct.Struct("<Ii")
_LINK_AT = 4
_WATCHDOG = struct.Struct("<IQ")
_WATCHDOG_AT = 12
_PINS = struct.Struct("<Q")
_PINS_AT = 24
_INTERRUPT_AT = 32
_CHANNEL = struct.Struct("<fffffI")
_CHANNELS_AT = 64
_I2C = struct.Struct("<I")
_I2C_AT = 640
_STATION = struct.Struct("<BBHBBHHH4x")
_PROBE = struct.Struct("<BB2xi8s")
_ALL_PULLED_UP = 2**64 - 1
_RSSI_DBM = -60

_LOGS = ("edges.bin", "seam.bin", "readings.bin", "console.log")
_BUSES = ("rs485.bin", "onewire.bin")

_EDGE = struct.Struct("<QIBBH")
_SEAM = struct.Struct("<QIB3x32s")
_SEAM_HEAD = struct.Struct("<IH")
_READING = struct.Struct("<QIHBBi")


@dataclass(frozen=True, slots=True)
class Channel:
    """What an analog input sees: a direct voltage, and an alternating one on top."""

    dc_v: float = 0.0
    amplitude_v: float = 0.0  # peak of the fundamental
    frequency_hz: float = 0.0
    third_v: float = 0.0  # peak of the third harmonic
    noise_v: float = 0.0  # sigma
    driven: bool = True  # False: nothing is connected


class Register(NamedTuple):
    """A register of a Modbus station, or two: which, how the station behaves, what it holds."""

    station: int
    function: int
    register: int
    words: int
    state: int
    first: int
    second: int
    delay_ms: int


class Probe(NamedTuple):
    """A DS18B20: its pin, how it behaves, its temperature in m°C, its ROM id."""

    pin: int
    state: int
    temperature_mc: int
    rom: bytes


class Edge(NamedTuple):
    """An output pin changed."""

    time_ns: int
    ticks_ms: int
    pin: int
    value: int
    pwm_hz: int


class Raised(NamedTuple):
    """The journal took a record."""

    time_ns: int
    ticks_ms: int
    lane: int
    n: int
    boot: int
    record: bytes


class Reading(NamedTuple):
    """A point took a reading: thousandths of its unit, or None with the code that says why."""

    time_ns: int  # before the first sample
    ticks_ms: int  # when it was due
    point: int
    conditions: int
    code: int
    value: int | None


class Tap(Generic[T]):
    """Reads what a VM adds to a file of fixed-size records; one reader per tap."""

    def __init__(self, path: Path, layout: struct.Struct, make: Callable[..., T]) -> None:
        self._path = path
        self._layout = layout
        self._make = make
        self._at = 0

    def new(self) -> list[T]:
        """Return the records that came since the last call."""
        try:
            if os.stat(self._path).st_size == self._at:
                return []  # it is asked far more often than something comes
            with self._path.open("rb") as file:
                file.seek(self._at)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = len(data) - len(data) % self._layout.size
        self._at += whole
        return [self._make(*fields) for fields in self._layout.iter_unpack(data[:whole])]


def _raised(time_ns: int, ticks_ms: int, lane: int, record: bytes) -> Raised:
    n, boot = _SEAM_HEAD.unpack_from(record)
    return Raised(time_ns, ticks_ms, lane, n, boot, record)


def _reading(
    time_ns: int, ticks_ms: int, point: int, conditions: int, code: int, value: int
) -> Reading:
    shown = None if value == NO_VALUE else value
    return Reading(time_ns, ticks_ms, point, conditions, code, shown)


class Io:
    """The chip's outer side: io.bin, as the hardware abstraction reads it.

    Beside it rs485.bin and onewire.bin, where there are stations and probes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._slots: dict[tuple[Any, ...], int] = {}  # places in rs485.bin and onewire.bin
        self._pins = _ALL_PULLED_UP
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._fd, _IO_SIZE)
        self._write(0, _HEADER.pack(_MAGIC, 1, _RSSI_DBM, 0, 0, self._pins))

    def close(self) -> None:
        """Let go of the file; twice does no harm."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def set_link(self, reachable: bool) -> None:
        """Bring the access point within reach, or out of it."""
        self._write(_LINK_AT, _LINK.pack(reachable, _RSSI_DBM))

    def set_pin(self, pin: int, level: bool) -> None:
        """Drive an input pin; a pressed button pulls its pin to 0."""
        self._pins = self._pins | 1 << pin if level else self._pins & ~(1 << pin)
        self._write(_PINS_AT, _PINS.pack(self._pins))

    def set_channel(self, name: str, channel: Channel) -> None:
        """Drive an analog input, named as in the site file: gpio34, ads1115@0x48/2."""
        at = _CHANNELS_AT + _CHANNEL.size * channel_index(name)
        self._write(
            at,
            _CHANNEL.pack(
                channel.dc_v,
                channel.amplitude_v,
                channel.frequency_hz,
                channel.third_v,
                channel.noise_v,
                channel.driven,
            ),
        )

    def set_i2c(self, address: int, state: int) -> None:
        """Say how the ADS1115 at `address` (0x48 to 0x4b) behaves."""
        self._write(_I2C_AT + _I2C.size * (address - 0x48), _I2C.pack(state))

    def set_register(self, register: Register) -> None:
        """Put a register of a Modbus station on the RS-485 line."""
        self._put("rs485.bin", register[:3], _STATION.pack(*register))

    def set_probe(self, probe: Probe) -> None:
        """Put a DS18B20 on its 1-Wire bus."""
        self._put("onewire.bin", (probe.pin, probe.rom), _PROBE.pack(*probe))

    def _put(self, name: str, key: tuple[Any, ...], record: bytes) -> None:
        """Write a record where the same thing stood before, else behind the others."""
        others = sum(other[0] == name for other in self._slots)
        slot = self._slots.setdefault((name, *key), others)
        path = self._path.with_name(name)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(fd, record, slot * len(record))
        finally:
            os.close(fd)

    def watchdog(self) -> tuple[int, int]:
        """Return (time limit in ms, 0 while unarmed; when it was fed last, in ns)."""
        return _WATCHDOG.unpack(os.pread(self._fd, _WATCHDOG.size, _WATCHDOG_AT))

    def interrupts(self) -> bool:
        """Return whether a Ctrl-C interrupts what runs."""
        return os.pread(self._fd, 1, _INTERRUPT_AT) == CTRL_C

    def reset(self) -> None:
        """No watchdog, and Ctrl-C interrupts: as after any reset."""
        self._write(_WATCHDOG_AT, _WATCHDOG.pack(0, 0))
        self._write(_INTERRUPT_AT, CTRL_C)

    def _write(self, at: int, data: bytes) -> None:
        os.pwrite(self._fd, data, at)


def channel_index(name: str) -> int:
    """Return the place of an input in io.bin: the ESP32's own eight, then four per ADS1115."""
    if name.startswith("gpio"):
        return int(name[4:]) - 32
    chip, _, channel = name.removeprefix("ads1115@").partition("/")
    return 8 + 4 * (int(chip, 16) - 0x48) + int(channel)


@dataclass(frozen=True)
class Bench:
    """What all boards of a run share."""

    server: ForkServer
    firmware: Path
    hal: Path
    heap: str = HEAP
    speed: int = 1
    tap_readings: bool = False
    dns_port: int = 0
    start: str = "start.py"  # of the HAL: what the VM runs


class Board:
    """One gateway's hardware. `io` drives it; `edges`, `seam` and `readings` say what it did."""

    def __init__(self, gateway: str, directory: Path, bench: Bench) -> None:
        self.gateway = gateway
        self.mac = mac_address(gateway)
        self.directory = directory
        self.resets: Counter[int] = Counter()  # by cause, the first power-on not counted
        (directory / "flash" / "etc").mkdir(parents=True, exist_ok=True)
        for name in (*_LOGS, *_BUSES):
            (directory / name).unlink(missing_ok=True)  # of an earlier run in the same folder
        self.io = Io(directory / "io.bin")
        self._keys = directory / "console.keys"
        self._keys.unlink(missing_ok=True)
        os.mkfifo(self._keys, 0o600)
        self.edges = Tap(directory / "edges.bin", _EDGE, Edge)
        self.seam = Tap(directory / "seam.bin", _SEAM, _raised)
        self.readings = Tap(directory / "readings.bin", _READING, _reading)
        self._bench = bench
        self._lock = threading.RLock()
        self._vm: Vm | None = None
        self._powered = False
        self._forced_cause = 0  # why we killed the VM; 0: we did not
        self._off_s = _BOOT_S
        self._restart: tuple[float, int] | None = None  # when, and with which cause
        bench.server.watch(self._look)

    def configure(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Write the gateway's configuration file, as provisioning does."""
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        (self.directory / "flash" / "etc" / "config.jsonl").write_text(text)

    def set_networks(self, keys: Mapping[str, str]) -> None:
        """Say which Wi-Fi networks are in reach, and their keys; before the first start. A board
        that is not told joins any."""
        (self.directory / "wifi.json").write_text(json.dumps(dict(keys)))

    def start(self) -> None:
        """Switch the power on; return when the VM's process exists."""
        with self._lock:
            self._powered = True
            vm = self._boot(POWER_ON)
        vm.wait_started()

    def hold(self) -> None:
        """Hold the chip in reset: nothing runs until `start`."""
        with self._lock:
            self._powered = False
            self._restart = None
            vm = self._vm
        if vm:
            vm.kill()
            vm.wait(5)

    def stop(self) -> None:
        """Switch the power off for good."""
        self.hold()
        self.io.close()

    def power_cut(self, off_s: float = 1.0) -> None:
        """Take the power away in the middle of whatever happens, and give it back."""
        self._kill(POWER_ON, off_s)

    @property
    def pid(self) -> int | None:
        """The VM's process id, None while there is none."""
        vm = self._vm
        return vm.pid if vm and vm.status is None else None

    def console(self) -> str:
        """Everything the VM has printed so far."""
        path = self.directory / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def type(self, line: str) -> None:
        """Type a line at the serial port; it is lost where no VM runs."""
        self.send(line.encode() + b"\n")

    def send(self, data: bytes) -> bool:
        """Send bytes to the serial port; return whether a VM has them."""
        try:
            keys = os.open(self._keys, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            return os.write(keys, data) == len(data)
        except OSError:
            return False
        finally:
            os.close(keys)

    def last_words(self) -> str:
        """The last line that the VM has printed."""
        lines = self.console().split("\n")
        return next((line for line in reversed(lines) if line.strip()), "nothing")

    def spawn(self, cause: int, on_exit: Callable[[int], None], kib: int = 0, **more: str) -> Vm:
        """Start a VM as after a reset of this cause, with so much more heap and environment; what
        comes after its end is the caller's."""
        self.io.reset()
        (self.directory / "reset").unlink(missing_ok=True)
        bench = self._bench
        env = {
            "FG_BOARD": str(self.directory),
            "FG_HAL": str(bench.hal),
            "FG_APP": str(bench.firmware),
            "FG_MAC": self.mac.hex(),
            "FG_RESET_CAUSE": str(cause),
            "FG_SPEED": str(bench.speed),
            "FG_TAP_READINGS": str(int(bench.tap_readings)),
            "FG_DNS_PORT": str(bench.dns_port),
            **more,
        }
        heap = self._heap(kib)
        argv = ["micropython", "-X", f"heapsize={heap}", str(bench.hal / bench.start)]
        return bench.server.spawn(argv, env, self.directory / "console.log", on_exit)

    def _boot(self, cause: int) -> Vm:
        self._vm = self.spawn(cause, self._ended)
        return self._vm

    def _heap(self, kib: int) -> str:
        """Return the bench's heap, `kib` more, and what the HAL takes for this board's buses."""
        heap = self._bench.heap
        kib += BUS_KIB * sum((self.directory / name).exists() for name in _BUSES)
        return f"{int(heap.removesuffix('K')) + kib}K" if kib else heap

    def _kill(self, cause: int, off_s: float) -> None:
        with self._lock:
            self._forced_cause = cause
            self._off_s = off_s
            if self._vm:
                self._vm.kill()

    def _ended(self, status: int) -> None:
        """In the fork server's thread: note why, and when the chip starts again."""
        with self._lock:
            if not self._powered:
                return
            cause = self._forced_cause or self.cause(status)
            self.resets[cause] += 1
            self._restart = (time.monotonic() + self._off_s, cause)
            self._forced_cause = 0
            self._off_s = _BOOT_S

    def cause(self, status: int) -> int:
        """What the chip gives as the cause: the firmware's own word, else how the VM ended."""
        reset = self.directory / "reset"
        if reset.exists():
            return int(reset.read_text())
        if status == 0:
            return SOFT  # machine.soft_reset(), and Ctrl-D at a prompt
        return WATCHDOG if self.io.watchdog()[0] else HARD  # dead code feeds no watchdog

    def _look(self) -> None:
        """In the fork server's thread, every TICK_S: the reset logic."""
        with self._lock:
            if self._restart and time.monotonic() >= self._restart[0]:
                cause = self._restart[1]
                self._restart = None
                self._boot(cause)
            elif self.pid and not self._forced_cause and self._is_hung():
                self._kill(WATCHDOG, _BOOT_S)

    def _is_hung(self) -> bool:
        timeout_ms, fed_ns = self.io.watchdog()
        limit_s = max(timeout_ms / 1000 / self._bench.speed, _TIMEOUT_MIN_S)
        return timeout_ms > 0 and time.time_ns() - fed_ns > limit_s * 1e9


def compiled(folder: str | None) -> Path:
    """Return the folder of the compiled firmware to boot: the one named, else the one built."""
    found = Path(folder).resolve() if folder else firmware_dir()
    if not (found / "main.mpy").is_file():
        raise FiregridError(f"{found}: holds no main.mpy", "run `make compile`")
    return found


def mac_address(gateway: str) -> bytes:
    """Return the MAC of a simulated gateway: locally administered, made from its id."""
    return b"\x02" + hashlib.sha256(gateway.encode()).digest()[:5]
