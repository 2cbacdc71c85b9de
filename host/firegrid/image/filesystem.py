"""The file system of a new board: LittleFS, disk version 2.0, which every MicroPython mounts.

    /boot.py /main.py       sources, because a stock MicroPython starts no others; never changed
    /slot                   which application runs: a line of JSON, then its SHA-256
    /a /b                   two copies of the application; a new one goes into the one not in use
    /etc/config.jsonl       the configuration

The image is compact: blocks behind the last one in use are left as they are on the board.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from littlefs import LittleFS, LittleFSError

from firegrid.errors import FiregridError
from firegrid.image.layout import SECTOR, partition

__all__ = [
    "SLOTS",
    "application",
    "files_of",
    "filesystem_image",
    "on_board",
    "read_slot_pointer",
    "slot_pointer",
]

DISK_VERSION = 0x00020000
SLOTS = ("a", "b")
_ON_BOARD = Path(__file__).parent / "board"


def slot_pointer(slot: str) -> bytes:
    """Return the file /slot: this application, and none on trial."""
    line = json.dumps({"run": slot}, separators=(",", ":"))
    return f"{line}\n{hashlib.sha256(line.encode()).hexdigest()}\n".encode()


def read_slot_pointer(data: bytes) -> dict[str, Any]:
    """Return what a file /slot says, as boot.py reads it: `run`, and `trial` and `left` while a
    new application is on trial; nothing where it is damaged."""
    line, _, seal = data.partition(b"\n")
    try:
        found = json.loads(line)
        sound = hashlib.sha256(line).hexdigest() == seal.decode().strip() and found["run"] in SLOTS
        return dict(found) if sound else {}
    except (ValueError, KeyError, TypeError):
        return {}


def application(firmware: Path) -> dict[str, bytes]:
    """Return the compiled application by the paths that it has in its slot."""
    found = {
        path.relative_to(firmware).as_posix(): path.read_bytes()
        for path in sorted(firmware.rglob("*.mpy"))
    }
    if "main.mpy" not in found:
        raise FiregridError(f"{firmware}: holds no compiled firmware", "make it: make compile")
    return found


def on_board(
    app: Mapping[str, bytes], config: Iterable[Mapping[str, Any]], slot: str = SLOTS[0]
) -> dict[str, bytes]:
    """Return every file of a new board by its path; folders end with a slash."""
    files = {f"/{name}": (_ON_BOARD / name).read_bytes() for name in ("boot.py", "main.py")}
    files["/slot"] = slot_pointer(slot)
    files |= {f"/{name}/": b"" for name in SLOTS}
    files |= {f"/{slot}/{name}": content for name, content in app.items()}
    lines = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in config
    )
    return files | {"/etc/config.jsonl": lines.encode()}


def filesystem_image(files: Mapping[str, bytes]) -> bytes:
    """Return the blocks in use of a file system as large as the partition: the same bytes for the
    same files; raise where they do not fit."""
    room = partition("vfs").size // SECTOR
    made = _fitted(files, room)
    if made is None:
        size = sum(map(len, files.values()))
        raise FiregridError(f"{size} bytes of files do not fit into {room} blocks of {SECTOR}")
    low, high = 2, made.block_count  # the least that hold them: found by halving
    while low < high:
        middle = (low + high) // 2
        smaller = _fitted(files, middle)
        if smaller:
            made, high = smaller, middle
        else:
            low = middle + 1
    made.fs_grow(room)
    return bytes(made.context.buffer[: high * SECTOR])


def files_of(data: bytes) -> dict[str, bytes]:
    """Return every file of a file system by its path; {} where it cannot be mounted."""
    made = LittleFS(block_size=SECTOR, block_count=len(data) // SECTOR, mount=False)
    made.context.buffer[:] = data
    found = {}
    try:
        made.mount()
        for folder, _, names in made.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with made.open(path, "rb") as file:
                    found[path] = bytes(file.read())
    except LittleFSError:
        return {}
    return found


def _fitted(files: Mapping[str, bytes], blocks: int) -> LittleFS | None:
    try:
        return _made(files, blocks)
    except LittleFSError:
        return None  # no space left


def _made(files: Mapping[str, bytes], blocks: int) -> LittleFS:
    made = LittleFS(
        block_size=SECTOR,
        block_count=blocks,
        disk_version=DISK_VERSION,
        prog_size=32,
        read_size=32,
        cache_size=128,
        lookahead_size=32,
        mount=False,
    )
    made.format()
    made.mount()
    for path, content in sorted(files.items()):
        made.makedirs(path.rpartition("/")[0] or "/", exist_ok=True)
        if not path.endswith("/"):
            with made.open(path, "wb") as file:
                file.write(content)
    return made
