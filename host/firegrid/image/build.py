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
from firegrid.state import State, write_folder

__all__ = [
    "FORMAT",
    "IMAGE",
    "MANIFEST",
    "Image",
    "Part",
    "image_bytes",
    "image_of",
    "parts_of",
    "read_image",
    "read_manifest",
    "write_image",
]

FORMAT = 1
IMAGE, MANIFEST = "image.bin", "manifest.json"
_ANEW = "put its folder aside and make it anew: firegrid provision"


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
    Image(manifest, image).write(folder)
    return manifest


class Image(NamedTuple):
    """An image that lies in a gateway's folder, and what its manifest says of it."""

    manifest: dict[str, Any]
    data: bytes

    @property
    def application_sha256(self) -> str:
        """Return the hash of all that is written also to a board that has its identity."""
        parts = [
            (part["offset"], part["sha256"])
            for part in self.manifest["parts"]
            if part["label"] != "prov"
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def holds_identity(self) -> bool:
        """Whether a private key may be in it: its `prov` is not erased."""
        prov = partition("prov")
        return bool(self.data[prov.offset : prov.end].strip(b"\xff"))

    def without_identity(self) -> "Image":
        """Return the image as it is made once its board has the key."""
        prov = partition("prov")
        data = bytearray(self.data)
        data[prov.offset : prov.end] = b"\xff" * len(data[prov.offset : prov.end])
        parts = [part for part in self.manifest["parts"] if part["label"] != "prov"]
        changed = {"image_sha256": hashlib.sha256(data).hexdigest(), "parts": parts}
        return Image(self.manifest | changed, bytes(data))

    def write(self, folder: Path) -> None:
        """Write image and manifest into a folder, both or neither."""
        text = json.dumps(self.manifest, indent=2, ensure_ascii=False) + "\n"
        try:
            write_folder(folder, {IMAGE: self.data, MANIFEST: text.encode()})
        except OSError as error:
            told = f"{folder}: cannot be written: {error.strerror or error}"
            raise FiregridError(told) from None


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what is written of the image in a folder; raise where that is damaged, or of a format
    that this program does not read."""
    path = folder / MANIFEST
    version, sound = None, False
    try:
        found = json.loads(path.read_bytes())
        version = found["format"]
        sound = isinstance(found["config_version"], int)
        sound = sound and all("label" in part for part in found["parts"])
    except (ValueError, KeyError, TypeError):
        sound = False
    if version not in (None, FORMAT):
        raise FiregridError(f"{path}: format {version}; this program reads {FORMAT}")
    if not sound:
        raise FiregridError(f"{path}: is damaged", _ANEW)
    return dict(found)


def image_of(state: State, gateway: str, site: str) -> Image:
    """Return the image of a gateway; raise where there is none, naming what makes it of SITE."""
    folder = state.images / gateway
    if not folder.is_dir():
        raise FiregridError(
            f"{gateway}: has no image yet", f"make it: firegrid provision {site} {gateway}"
        )
    return read_image(folder)


def read_image(folder: Path) -> Image:
    """Return the image in a folder; raise where it is not what its manifest says."""
    manifest = read_manifest(folder)
    data = (folder / IMAGE).read_bytes()
    if hashlib.sha256(data).hexdigest() != manifest.get("image_sha256"):
        raise FiregridError(f"{folder / IMAGE}: is not what its manifest says", _ANEW)
    return Image(manifest, data)
