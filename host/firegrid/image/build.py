"""The image of one gateway: every part of its flash, in one file with a manifest beside it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from firegrid.errors import FiregridError
from firegrid.image.filesystem import application, filesystem_image, on_board
from firegrid.image.interpreter import BOOTLOADER_AT, Interpreter
from firegrid.image.layout import FLASH_BYTES, TABLE_AT, partition, table_bytes
from firegrid.image.prov import Prov, prov_bytes
from firegrid.state import write_folder

__all__ = ["FORMAT", "IMAGE", "MANIFEST", "Part", "image_bytes", "parts_of", "write_image"]

FORMAT = 1
IMAGE, MANIFEST = "image.bin", "manifest.json"


class Part(NamedTuple):
    """What is written at one place of the flash."""

    label: str
    offset: int
    data: bytes


def parts_of(
    interpreter: Interpreter, prov: Prov | None, firmware: Path, config: Sequence[dict[str, Any]]
) -> list[Part]:
    """Return all that is written to a new board, in the order of the flash; without an identity
    where its board has it already."""
    files = on_board(application(firmware), config)
    parts = [
        Part("bootloader", BOOTLOADER_AT, interpreter.bootloader),
        Part("partition table", TABLE_AT, table_bytes()),
        Part("factory", partition("factory").offset, interpreter.app),
        Part("vfs", partition("vfs").offset, filesystem_image(files)),
    ]
    if prov:
        parts.insert(3, Part("prov", partition("prov").offset, prov_bytes(prov)))
    return parts


def image_bytes(parts: Sequence[Part]) -> bytes:
    """Return the flash from its first byte to the end of the last part; what is not written is
    erased."""
    image = bytearray(b"\xff" * max(part.offset + len(part.data) for part in parts))
    for part in parts:
        image[part.offset : part.offset + len(part.data)] = part.data
    return bytes(image)


def write_image(folder: Path, parts: Sequence[Part], about: dict[str, Any]) -> dict[str, Any]:
    """Write image and manifest into a folder, both or neither; return the manifest."""
    image = image_bytes(parts)
    manifest = {
        "format": FORMAT,
        **about,
        "chip": "ESP32",
        "flash_bytes": FLASH_BYTES,
        "image_sha256": hashlib.sha256(image).hexdigest(),
        "parts": [
            {
                "label": part.label,
                "offset": part.offset,
                "bytes": len(part.data),
                "sha256": hashlib.sha256(part.data).hexdigest(),
            }
            for part in parts
        ],
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    try:
        write_folder(folder, {IMAGE: image, MANIFEST: text.encode()})
    except OSError as error:
        raise FiregridError(f"{folder}: cannot be written: {error.strerror or error}") from None
    return manifest
