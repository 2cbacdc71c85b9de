"""A simulated board on the bench: its flash, its MAC, a serial port; it runs what was flashed.

At a reset it starts what lies in its flash, in the real VM: that very image is mounted. A tool
that speaks the ROM's protocol gets the ROM. A pseudo-terminal has no line that would ask for it,
so there the first word of that protocol is taken as somebody's finger on BOOT.
"""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from firegrid.errors import FiregridError
from firegrid.image.interpreter import APP_AT, BOOTLOADER_AT
from firegrid.image.layout import FLASH_BYTES, TABLE_AT, TABLE_BYTES, partition, read_table
from firegrid.image.prov import read_prov

from firegrid_sim.board import CTRL_C, Bench, Board
from firegrid_sim.forkserver import Vm
from firegrid_sim.rom import SYNC, Flash, Rom, Trouble
from firegrid_sim.serial_line import Line, NetworkLine, PtyLine

__all__ = ["FlashedBoard", "Hardware"]

LOOK_S = 0.02
PAUSE_S = 1.0  # an application waits for something within that
ANSWER_S = 3.0  # an interrupted application has come to its prompt by then
SAID_BYTES = 8192
FLASH_KIB = 4  # what hal_flash and its file system take of the heap; on a board it is C
BLANK_S = 1.0  # how often a ROM says that it finds nothing to start
_MAGIC = 0xE9


@dataclass(frozen=True, slots=True)
class Hardware:
    """What kind of board it is, and what is wrong with it."""

    chip: str = "esp32"
    flash_bytes: int = FLASH_BYTES
    trouble: Trouble = field(default_factory=Trouble)
    paced: bool = False  # bytes come no faster than the port's speed


class FlashedBoard(Board):
    """`name` is its port's name in `directory`; `wire(board)` is called before each start, to
    connect what is mounted beside the gateway that it has become."""

    def __init__(
        self,
        name: str,
        directory: Path,
        bench: Bench,
        wire: Callable[["FlashedBoard"], None] = lambda board: None,
        hardware: "Hardware | None" = None,
    ) -> None:
        home = directory / f".{name}"
        home.mkdir(parents=True, exist_ok=True)
        super().__init__(name, home, bench)
        self.name = name
        self.path = directory / name
        hardware = hardware or Hardware()
        self.trouble = hardware.trouble
        self.paced = hardware.paced
        self.flash = Flash(home / "flash.bin", hardware.flash_bytes)
        self.network = NetworkLine()
        self.said = b""  # the end of what it has printed
        self._wire_sensors = wire
        self._cable: PtyLine | None = None
        self._rom = Rom(hardware.chip, self.mac, self.flash, self.trouble, self._pull)
        self._over = threading.Event()
        self._runs = False
        self._in_download = False
        self._blank_s = 0.0
        log = home / "console.log"
        log.unlink(missing_ok=True)
        os.mkfifo(log, 0o600)
        self._log = os.open(log, os.O_RDWR | os.O_NONBLOCK)
        self._lock_cable = threading.RLock()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def power_on(self) -> None:
        """Plug it in, and let it start."""
        self.plug()
        self._thread.start()

    def power_off(self) -> None:
        """End all of it."""
        self._over.set()
        self._thread.join()
        self.unplug()
        self.network.close()
        self.stop()
        os.close(self._log)
        self.flash.close()

    def plug(self) -> None:
        """Plug the cable in; the power stays as it was."""
        with self._lock_cable:
            self._cable = self._cable or PtyLine(self.path)

    def unplug(self) -> None:
        """Pull the cable: its port is gone."""
        with self._lock_cable:
            if self._cable:
                self._cable.close()
            self._cable = None

    @property
    def received_bytes(self) -> int:
        """Return how much has come over the wire while the ROM listened."""
        return self._rom.received_bytes

    @property
    def is_bootable(self) -> bool:
        """Return whether the ROM and its second stage find something to start."""
        data = self.flash.data
        if data[BOOTLOADER_AT] != _MAGIC or len(data) <= APP_AT or data[APP_AT] != _MAGIC:
            return False
        try:
            read_table(data[TABLE_AT : TABLE_AT + TABLE_BYTES])
        except FiregridError:
            return False
        return True

    @property
    def became(self) -> str | None:
        """Return which gateway its flash says that it is."""
        row = partition("prov")
        try:
            return read_prov(self.flash.data[row.offset : row.end]).gateway
        except FiregridError:
            return None

    def console(self) -> str:
        """Return the end of what it has printed."""
        return self.said.decode(errors="replace")

    def spawn(self, cause: int, on_exit: Callable[[int], None], kib: int = 0, **more: str) -> Vm:
        """Start the VM on the flash."""
        (self.directory / "repl").unlink(missing_ok=True)
        self._wire_sensors(self)
        return super().spawn(cause, on_exit, kib + FLASH_KIB, **more)

    def _serve(self) -> None:
        self._begin()
        while not self._over.is_set():
            self._hear()
            with self._lock_cable:
                cable = self._cable
            for line in (cable, self.network):
                if line:
                    self._attend(line)

    def _begin(self) -> None:
        """Start what is in flash, as after a reset."""
        self._in_download = False
        self._runs = self.is_bootable
        if self._runs:
            self.start()

    def _hear(self) -> None:
        """Pass on what the application prints."""
        ready, _, _ = select.select([self._log], [], [], LOOK_S)
        if not ready:
            return
        with contextlib.suppress(BlockingIOError):
            self._say(os.read(self._log, 4096))

    def _say(self, data: bytes) -> None:
        self.said = (self.said + data)[-SAID_BYTES:]
        with self._lock_cable:
            if self._cable:
                self._cable.write(data)
        self.network.write(data)

    def _attend(self, line: Line) -> None:
        """Take what came over one line; with the ROM where that is meant."""
        try:
            data = line.read(0)
        except (OSError, ValueError):
            return  # pulled meanwhile
        asked = line.reset()
        if asked == "hold":
            self.hold()
            self._runs = False
        elif asked == "run":
            self._begin()
        elif asked == "download":
            self._in_download = True
        if data is None or self.trouble.silent:
            return
        at = data.find(SYNC)
        if at >= 0 and (self._in_download or not line.controlled):
            self._download(line, data[at:])
        elif self._runs and data:
            self._type(data)
        elif not self._runs and not self._in_download:
            self._complain()

    def _download(self, line: Line, first: bytes) -> None:
        self.hold()
        asked = "download"
        while asked == "download" and not self._over.is_set():
            asked = self._rom.serve(line, first, self._over, self.paced)
            first = b""
            while asked == "hold" and not self._over.is_set():
                time.sleep(LOOK_S)
                if line.read(0) is None:
                    asked = "closed"
                asked = line.reset() or asked
        if not self._over.is_set():
            self._begin()

    def _complain(self) -> None:
        if time.monotonic() >= self._blank_s:
            self._blank_s = time.monotonic() + BLANK_S
            self._say(b"invalid header: 0xffffffff\r\n")

    def _type(self, data: bytes) -> None:
        """Pass on what is typed; a Ctrl-C interrupts the application, as the chip's UART does,
        unless the application takes it as a byte."""
        if not self.io.interrupts():
            self.send(data)
            return
        before, interrupt, after = data.partition(CTRL_C)
        if before:
            self.send(before)
        if not interrupt:
            return
        prompt = self.directory / "repl"
        if prompt.exists():
            self.send(CTRL_C)
        elif pid := self.pid:
            until_s = time.monotonic() + PAUSE_S
            while _computes(pid) and time.monotonic() < until_s:
                self._hear()
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            until_s = time.monotonic() + ANSWER_S
            while not prompt.exists() and time.monotonic() < until_s and self.pid:
                self._hear()
        if after:
            self._type(after)

    def _pull(self) -> None:
        """In the middle of a download: the cable goes, and with it the power."""
        self.unplug()


def _computes(pid: int) -> bool:
    """Return whether a VM is busy, as far as the system tells. Unlike the chip's, it raises at
    once and anywhere: in the middle of a collection it would leave the heap locked, and end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("R")
    except OSError:
        return False
