"""Who a board is, and whether it holds what it should: read over its port, nothing is written."""

import hashlib
import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from firegrid.errors import FiregridError
from firegrid.flash.failures import Failure
from firegrid.image.build import Image
from firegrid.image.filesystem import files_of
from firegrid.image.layout import LAYOUT, TABLE_AT, TABLE_BYTES, Partition, partition, read_table
from firegrid.image.prov import Prov, read_prov
from firegrid.serialport import must_be_there

__all__ = ["Seen", "compare", "inspect", "look_at"]

Tell = Callable[[int, int], None]
Spans = Sequence[tuple[int, int]]  # (offset, size) of each


@dataclass(frozen=True)
class Seen:
    """What was found."""

    chip: str
    mac: str
    flash_bytes: int
    contents: list[bytes]
    sums: list[str]


def look_at(port: str, contents: Spans, sums: Spans, tell: Tell) -> Seen:
    """Read parts of a board's flash, and the MD5s of others; raise FiregridError where that fails.
    The board starts anew afterwards."""
    from firegrid.flash.writer import Look, look  # it needs esptool

    must_be_there(port)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=look, args=(port, theirs), daemon=True)
    process.start()
    theirs.close()
    board = None
    try:
        while True:
            match ours.recv():
                case ("found", found):
                    board = found
                    ours.send(Look(tuple(contents), tuple(sums)))
                case ("progress", done, total):
                    tell(done, total)
                case ("seen", read, digests):
                    assert board
                    return Seen(board.chip, board.mac, board.flash_bytes, read, digests)
                case ("failed", Failure() as failure):
                    raise FiregridError(f"{port}: {failure.what}", failure.advice)
    except EOFError:
        raise FiregridError(f"{port}: it could not be read", "try again") from None
    finally:
        process.kill()
        process.join()


def inspect(port: str, tell: Tell) -> tuple[Seen, bool, Prov | None]:
    """Return what a board is, whether its flash is laid out as ours, and who it is."""
    prov = partition("prov")
    seen = look_at(port, [(TABLE_AT, TABLE_BYTES), (prov.offset, prov.size)], (), tell)
    table, identity = seen.contents
    try:
        ours = read_table(table) == LAYOUT
    except FiregridError:
        ours = False
    return seen, ours, _identity(identity) if ours else None


def compare(
    port: str, image: Image, certificate: bytes, tell: Tell
) -> tuple[Seen, Prov | None, list[str]]:
    """Return what a board is, who it is, and each part of it that is not as it should be; of the
    file system each file, for the application writes files of its own."""
    parts = {part["label"]: part for part in image.manifest["parts"]}
    summed = [label for label in parts if label not in ("prov", "vfs")]
    sums = [(parts[label]["offset"], parts[label]["bytes"]) for label in summed]
    prov, vfs = partition("prov"), partition("vfs")
    seen = look_at(port, [(row.offset, row.size) for row in (prov, vfs)], sums, tell)
    wrong = [
        label
        for label, digest in zip(summed, seen.sums, strict=True)
        if digest != hashlib.md5(_part(image, parts[label]), usedforsecurity=False).hexdigest()
    ]
    identity, files = seen.contents
    who = _identity(identity)
    expected = (image.manifest["site"], image.manifest["gateway"], certificate)
    if who is None or (who.site, who.gateway, who.certificate) != expected:
        wrong.append("prov")
    return seen, who, wrong + _files(files, image, vfs)


def _part(image: Image, part: dict[str, Any]) -> bytes:
    return image.data[part["offset"] : part["offset"] + part["bytes"]]


def _identity(data: bytes) -> Prov | None:
    try:
        return read_prov(data)
    except FiregridError:
        return None


def _files(data: bytes, image: Image, vfs: Partition) -> list[str]:
    expected = files_of(image.data[vfs.offset : vfs.end].ljust(vfs.size, b"\xff"))
    found = files_of(data)
    return [path for path, content in sorted(expected.items()) if found.get(path) != content]
