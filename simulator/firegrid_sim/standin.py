"""A stand-in for MicroPython's .bin, for simulated boards: right in form, and nothing runs in it.

A header, segments, checksum and description as a chip and our reader want them, 1.6 MB of seeded
filler where the interpreter would be, which deflates to two thirds as an interpreter does, and a
project name that says what it is. A tool that writes to real ports refuses it.
"""

import hashlib
import struct
from functools import reduce
from operator import xor
from pathlib import Path
from random import Random

import click
from firegrid.files import write_file
from firegrid.image.interpreter import APP_AT, BOOTLOADER_AT, STAND_IN
from firegrid.image.layout import DATA, TABLE_AT, Partition, table_bytes

__all__ = ["stand_in", "write_stand_in"]

APP_BYTES = 1_600_000
# As MicroPython's own .bin for 4 MiB has it.
_TABLE = (
    Partition("nvs", DATA, 0x02, 0x9000, 0x6000),
    Partition("phy_init", DATA, 0x01, 0xF000, 0x1000),
    Partition("factory", 0, 0x00, 0x10000, 0x1F0000),
)
_FEWER = bytes(byte % 38 for byte in range(256))  # of so many letters each has 5.2 bits
_LOADED_AT = 0x3F400020  # an address of the chip's flash cache
_RAM_AT = 0x3FFF0018


@click.command("stand-in")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def write_stand_in(file: Path) -> None:
    """Write a stand-in for MicroPython's .bin to FILE, for simulated boards.

    It is right in form, and nothing runs in it: simulated boards have the VM instead. `firegrid
    provision --micropython FILE` takes it as it takes MicroPython's own; `firegrid flash` refuses
    to write it to a real port.
    """
    data = stand_in()
    write_file(file, data)
    click.echo(f"{file}: {len(data)} bytes, for simulated boards only")


def stand_in(version: str = "1.29.0", chip: int = 0, app_bytes: int = APP_BYTES) -> bytes:
    """Return the .bin: bootloader at 0x1000 of the flash, a table, and the app at 0x10000."""
    boot = _image([b"stand-in".ljust(64, b"\0")], chip, _RAM_AT)
    described = struct.pack("<II8x", 0xABCD5432, 0)
    described += version.encode().ljust(32, b"\0") + STAND_IN.encode().ljust(32, b"\0")
    described = described.ljust(256, b"\0")
    banner = f"MicroPython v{version} on 2026-01-01; firegrid stand-in\0".encode()
    filler = Random(version).randbytes(app_bytes - len(described) - len(banner))
    filler = filler.translate(_FEWER)
    app = _image([described + banner + filler], chip, _LOADED_AT)
    parts = {0: boot, TABLE_AT - BOOTLOADER_AT: table_bytes(_TABLE), APP_AT - BOOTLOADER_AT: app}
    whole = bytearray(b"\xff" * (max(parts) + len(app)))
    for at, part in parts.items():
        whole[at : at + len(part)] = part
    return bytes(whole)


def _image(segments: list[bytes], chip: int, at: int) -> bytes:
    padded = [segment + bytes(-len(segment) % 4) for segment in segments]
    image = struct.pack("<BBBBIBBBBHBHHIB", 0xE9, len(padded), 2, 0x20, 0x40080400, 0xEE, 0, 0, 0,
                        chip, 0, 0, 0xFFFF, 0, 1)  # fmt: skip
    for segment in padded:
        image += struct.pack("<II", at, len(segment)) + segment
    image += bytes(15 - len(image) % 16) + bytes([reduce(xor, b"".join(padded), 0xEF)])
    return image + hashlib.sha256(image).digest()
