"""Reads the MicroPython that a user brings: one .bin, as micropython.org has it for the ESP32.

It begins at 0x1000 of the flash and holds the bootloader, a partition table at 0x8000 and the app
at 0x10000 (ESP-IDF, "App Image Format": a header of 24 bytes, segments, a checksum, a SHA-256; in
the first segment a description of 256 bytes). Its own table is read and then replaced by ours.
"""

import hashlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from firegrid.errors import FiregridError
from firegrid.image.layout import TABLE_AT, partition, read_table

__all__ = ["APP_AT", "BOOTLOADER_AT", "LEAST", "STAND_IN", "Interpreter", "read_interpreter"]

BOOTLOADER_AT = 0x1000
APP_AT = 0x10000
SIZE_MAX = 16 * 1024 * 1024
LEAST = (1, 24)  # the first that loads the firmware's .mpy files (version 6.3)
STAND_IN = "firegrid-stand-in"  # the project that an image for simulated boards names
_HEADER = struct.Struct("<BBBBIBBBBHBHHIB")
_MAGIC, _CHECKSUM = 0xE9, 0xEF
_DESCRIBED = struct.Struct("<II8x32s32s16s16s32s32s")
_DESCRIPTION = 0xABCD5432
_SEGMENTS_MAX = 16
_BANNER = re.compile(rb"MicroPython v(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?")
# ESP-IDF, esp_chip_id_t.
_CHIPS = {
    0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 12: "ESP32-C2", 13: "ESP32-C6",
    16: "ESP32-H2", 18: "ESP32-P4", 20: "ESP32-C61", 23: "ESP32-C5",
}  # fmt: skip
_ADVICE = "take the .bin of the board ESP32_GENERIC from micropython.org/download"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The parts of a MicroPython for the ESP32: what lies before the table, and the app."""

    bootloader: bytes
    app: bytes
    version: tuple[int, ...]
    project: str
    sha256: str  # of the whole file

    @property
    def is_stand_in(self) -> bool:
        """Whether it is our own image for simulated boards: nothing that a chip could run."""
        return self.project == STAND_IN

    @property
    def name(self) -> str:
        """Return what people call it."""
        return "MicroPython " + ".".join(map(str, self.version))


def read_interpreter(path: Path) -> Interpreter:
    """Return the parts of a file; raise FiregridError where it is damaged, for another chip, too
    old, or too large for its partition."""
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_MAX + 1)
    except OSError as error:
        raise FiregridError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        return _parsed(data)
    except FiregridError as error:
        raise FiregridError(f"{path}: {error}") from None


def _parsed(data: bytes) -> Interpreter:
    if len(data) > SIZE_MAX:
        raise FiregridError("is larger than 16 MiB", _ADVICE)
    table_at, app_at = TABLE_AT - BOOTLOADER_AT, APP_AT - BOOTLOADER_AT
    if len(data) <= app_at or data[0] != _MAGIC:
        raise FiregridError("is no MicroPython for the ESP32", _ADVICE)
    bootloader = _image(data, 0, "bootloader")
    if len(bootloader) > table_at:
        raise FiregridError("its bootloader reaches into the partition table", _ADVICE)
    factory = partition("factory", read_table(data[table_at:app_at]))
    if factory.offset != APP_AT:
        raise FiregridError(f"its app is at {factory.offset:#x}; {APP_AT:#x} is expected", _ADVICE)
    app = _image(data, app_at, "app")
    room = partition("factory").size
    if len(app) > room:
        raise FiregridError(f"its app has {len(app)} bytes; there is room for {room}", _ADVICE)
    version = _version(app)
    if version < LEAST:
        found, least = (".".join(map(str, one)) for one in (version, LEAST))
        raise FiregridError(
            f"is MicroPython {found}; the firmware's .mpy files (6.3) need {least} or later",
            _ADVICE,
        )
    return Interpreter(bootloader, app, version, _project(app), hashlib.sha256(data).hexdigest())


def _image(data: bytes, at: int, what: str) -> bytes:
    """Return one image, from its header to its checksum and hash; raise where it is damaged."""
    if len(data) < at + _HEADER.size or data[at] != _MAGIC:
        raise FiregridError(f"has no {what} at {BOOTLOADER_AT + at:#x}", _ADVICE)
    fields = _HEADER.unpack_from(data, at)
    segments, chip, hashed = fields[1], fields[9], fields[14]
    if chip != 0:
        raise FiregridError(f"is for {_CHIPS.get(chip, f'chip {chip}')}, not for ESP32", _ADVICE)
    if not 0 < segments <= _SEGMENTS_MAX:
        raise FiregridError(f"its {what} has {segments} segments; the file is damaged", _ADVICE)
    end, check = at + _HEADER.size, _CHECKSUM
    for _ in range(segments):
        size = struct.unpack_from("<I", data, end + 4)[0] if end + 8 <= len(data) else len(data)
        body = data[end + 8 : end + 8 + size]
        if len(body) < size:
            raise FiregridError(f"ends in the middle of its {what}; load it anew", _ADVICE)
        check ^= _xor(body)
        end += 8 + size
    end += 15 - (end - at) % 16  # the checksum is the last byte of a line of 16
    if end >= len(data) or data[end] != check:
        raise FiregridError(f"the checksum of its {what} is wrong; load it anew", _ADVICE)
    end += 1
    if hashed:
        if data[end : end + 32] != hashlib.sha256(data[at:end]).digest():
            raise FiregridError(f"the SHA-256 of its {what} is wrong; load it anew", _ADVICE)
        end += 32
    return data[at:end]


def _xor(body: bytes) -> int:
    """Return the exclusive or of all bytes."""
    size = len(body) // 8 * 8
    folded = 0
    for (word,) in struct.iter_unpack("<Q", body[:size]):
        folded ^= word
    found = 0
    for byte in folded.to_bytes(8, "little") + body[size:]:
        found ^= byte
    return found


def _version(app: bytes) -> tuple[int, ...]:
    found = _BANNER.search(app)
    if not found:
        raise FiregridError("is no MicroPython: it names no version", _ADVICE)
    return tuple(int(part) for part in found.groups() if part is not None)


def _project(app: bytes) -> str:
    if len(app) < 32 + _DESCRIBED.size:
        return ""
    magic, _, _, project, *_ = _DESCRIBED.unpack_from(app, 32)
    return project.rstrip(b"\0").decode("ascii", "replace") if magic == _DESCRIPTION else ""
