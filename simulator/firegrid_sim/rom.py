"""What a board's ROM does while it waits for a download: `esp32-mock-bootloader`, like a chip.

Corrected: each board has its own flash and MAC, programming only clears bits, a write begins with
the erase of the sectors that it covers, the session lasts until the port is closed. Bytes come at
the speed of the line where that is asked for. On top come the ways in which a board or its cable
fails.
"""

import mmap
import struct
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from esp32_mock_bootloader import registers, server

from firegrid_sim.serial_line import Line

__all__ = ["Flash", "Rom", "Trouble"]

SECTOR = 4096
WAIT_S = 0.05
BUFFER_BYTES = 4096  # of a pseudo-terminal
_BEGIN = struct.Struct("<IIII")  # size, blocks, block size, address
_TYPED = (b"who", b"status", b"help")
SYNC = b"\xc0\x00\x08\x24\x00"  # what a tool says first: SLIP, a request, SYNC, 36 bytes
_READ_ID = 0x9F
_MAKER = 0x4020  # JEDEC: GigaDevice, type; the third byte is the size as a power of two


@dataclass
class Trouble:
    """How a board or its cable fails; all of it at once, nothing by default."""

    silent: bool = False  # a cable that only charges
    cut_after_bytes: int | None = None  # the cable is pulled, once
    stall_after_bytes: int | None = None  # it answers no more, once
    flip_at: int | None = None  # a bit of the flash does not keep what it is given
    baud_max: int | None = None  # above it the line is garbled


class Flash(server.FlashImage):  # type: ignore[misc]
    """A NOR flash that lies in a file; the VM reads and writes the same file."""

    def __init__(self, path: Path, size: int) -> None:
        # Not FlashImage's own beginning: it would make an array of its own.
        with open(path, "ab") as file:
            missing = size - file.tell()
            if missing > 0:
                file.write(b"\xff" * missing)
        with open(path, "r+b") as file:
            self.data = mmap.mmap(file.fileno(), size)
        self.flip_at: int | None = None
        self._at = 0
        self._inflate = zlib.decompressobj()

    def close(self) -> None:
        """Let go of the file."""
        self.data.close()

    def begin_defl(self, payload: bytes) -> None:
        """Erase what is about to be written."""
        self._begin(payload)
        self._inflate = zlib.decompressobj()

    def begin_plain(self, payload: bytes) -> None:
        """Erase what is about to be written."""
        self._begin(payload)

    def _begin(self, payload: bytes) -> None:
        size, _, _, at = _BEGIN.unpack_from(payload)
        self._at = at
        first = at // SECTOR * SECTOR
        self.erase_region(first, -(-(at + size) // SECTOR) * SECTOR - first)

    def write_defl_block(self, payload: bytes) -> None:
        """Program what a compressed block holds."""
        (size,) = struct.unpack_from("<I", payload)
        try:
            self._program(self._inflate.decompress(payload[16 : 16 + size]))
        except zlib.error:
            return

    def write_plain_block(self, payload: bytes) -> None:
        """Program a block as it is."""
        (size,) = struct.unpack_from("<I", payload)
        self._program(payload[16 : 16 + size])

    def end_defl(self) -> None:
        """Nothing is kept back."""

    def _program(self, new: bytes) -> None:
        at, new = self._at, new[: max(0, len(self.data) - self._at)]
        old = self.data[at : at + len(new)]
        self._at += len(new)
        if old.count(0xFF) < len(old):
            kept = int.from_bytes(old, "little") & int.from_bytes(new, "little")
            new = kept.to_bytes(len(new), "little")
        self.data[at : at + len(new)] = new
        if self.flip_at is not None and at <= self.flip_at < at + len(new):
            self.data[self.flip_at] ^= 1


class _Spi(server.SpiPeripheralMock):  # type: ignore[misc]
    """The flash chip says how large it is."""

    def __init__(self, size: int) -> None:
        super().__init__(None)
        self._id = _MAKER | (size.bit_length() - 1) << 16

    def read_reg(self, addr: int) -> int:
        """Return a register; the answer to 9F is the chip's id."""
        answers = self.contains(addr) and addr - self.spi_base == self.w0_offs
        if answers and self._last_command == _READ_ID:
            return self._id
        return int(super().read_reg(addr))


_here = threading.local()  # the board that this thread serves


class _Session(server.ChipSession):  # type: ignore[misc]
    """The mock makes its sessions itself, all alike: this one asks whose thread it is."""

    def __init__(self, chip_mode: str) -> None:
        super().__init__(chip_mode)
        rom: Rom = _here.rom
        self.registers.update(registers._mac_registers(rom.chip, tuple(rom.mac)))
        self.spi = _Spi(len(rom.flash.data))
        self.spi.configure_for_chip(rom.chip)


server.ChipSession = _Session


class Rom:
    """The loader of one board. `pulled` is called where its trouble is that the cable goes."""

    def __init__(
        self, chip: str, mac: bytes, flash: Flash, trouble: Trouble, pulled: Callable[[], None]
    ) -> None:
        self.chip = chip
        self.mac = mac
        self.flash = flash
        self.trouble = trouble
        self.pulled = pulled
        self.received_bytes = 0  # since the board was made: what came over the wire

    def serve(self, line: Line, first: bytes, stop: threading.Event, paced: bool) -> str:
        """Answer a tool until it closes the port or resets the board; return "closed", or what the
        control lines ask for then."""
        _here.rom = self
        self.flash.flip_at = self.trouble.flip_at
        wire = _Wire(self, line, first, paced)
        server.handle_client(wire, stop, self.chip, exit_on_disconnect=True, flash=self.flash)
        return wire.ended


class _Wire:
    """The line as the mock wants it."""

    def __init__(self, rom: Rom, line: Line, first: bytes, paced: bool) -> None:
        self._rom = rom
        self._line = line
        self._first = first
        self._paced = paced
        self._free_s = 0.0
        self._noise = Random(rom.mac)
        self._stalled = False
        self.ended = "closed"

    def set_timeout(self, _timeout_s: float) -> None:
        """It waits as long as we do."""

    def recv(self, _size: int) -> bytes:
        """Return what came; b"" at the end; raise TimeoutError where nothing came.

        Where a port was closed and opened again too fast to be seen, what is typed tells of it, or
        what a tool says first to a board that stalls."""
        data: bytes | None
        data, self._first = self._first, b""
        if not data:
            data = self._line.read(WAIT_S)
        asked = self._line.reset()
        again = data and (data.strip() in _TYPED or (self._stalled and SYNC in data))
        if data is None or asked or again:
            self.ended = asked or "closed"
            return b""
        if not data:
            raise TimeoutError
        return self._troubled(data)

    def _troubled(self, data: bytes) -> bytes:
        rom, trouble = self._rom, self._rom.trouble
        if self._paced:
            # What lay in the terminal's buffer came over the wire while we were at work.
            now, taken_s = time.monotonic(), BUFFER_BYTES * 10 / self._line.baud
            self._free_s = max(now - taken_s, self._free_s) + len(data) * 10 / self._line.baud
            time.sleep(max(0.0, self._free_s - now))
        rom.received_bytes += len(data)
        if trouble.cut_after_bytes is not None and rom.received_bytes > trouble.cut_after_bytes:
            trouble.cut_after_bytes = None
            rom.pulled()
            return b""
        if (
            trouble.stall_after_bytes is not None
            and rom.received_bytes > trouble.stall_after_bytes
        ):
            trouble.stall_after_bytes = None
            self._stalled = True
        if self._stalled:
            raise TimeoutError
        if trouble.baud_max is not None and self._line.baud > trouble.baud_max:
            data = bytes(byte ^ self._noise.getrandbits(1) for byte in data)
        return data

    def sendall(self, data: bytes) -> None:
        """Send."""
        self._line.write(data)

    def close(self) -> None:
        """The line outlives a session."""

    def ignore_eof_for_disconnect(self) -> bool:
        """An end is an end."""
        return False

    def abort_empty_session(self) -> bool:
        """An end is an end."""
        return False
