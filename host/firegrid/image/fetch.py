"""MicroPython from its official place, by a pinned sum: what else comes from there is refused."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from firegrid.errors import FiregridError
from firegrid.files import whole_file
from firegrid.progress import bytes_told
from firegrid.state import State

__all__ = ["NAME", "VERSION", "chosen", "fetched"]

VERSION = "1.28.0"
NAME = "ESP32_GENERIC-20260406-v1.28.0.bin"
URL = f"https://micropython.org/resources/firmware/{NAME}"
# As several projects pin it that have loaded it independently of each other.
SHA256 = "cd7820d02c35d34dd403b44263129c6a511b350aea8446c229890753fe240784"
SIZE = 1_760_192
PIECE_BYTES = 65536
TIMEOUT_S = 20


def chosen(named: Path | None, state: State) -> Path:
    """Return the file that a person has named, else the one that is fetched."""
    if named:
        return named
    with bytes_told(f"MicroPython {VERSION}") as tell:
        return fetched(state.make().micropython, tell)


def fetched(folder: Path, tell: Callable[[int, int], None]) -> Path:
    """Return the file, loaded into a folder unless it is there; `tell(done, size)` in bytes. Raise
    FiregridError where it cannot be had, or is another one."""
    from urllib.request import urlopen  # here: every command has the options that name VERSION

    path = folder / NAME
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256:
        return path
    try:
        with urlopen(URL, timeout=TIMEOUT_S) as answer, whole_file(path) as file:
            seen, done = hashlib.sha256(), 0
            while piece := answer.read(PIECE_BYTES):
                done += len(piece)
                if done > SIZE:
                    break
                seen.update(piece)
                file.write(piece)
                tell(done, SIZE)
            if seen.hexdigest() != SHA256 or done != SIZE:
                raise FiregridError(
                    f"{URL}: what comes from there is not MicroPython {VERSION}: its SHA-256 is "
                    f"{seen.hexdigest()}, and {SHA256} is expected",
                    "nothing was kept; is a proxy or a login page in between?",
                )
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise FiregridError(
            f"{URL}: cannot be fetched: {reason}",
            "without a network, load it elsewhere and name it: --micropython FILE",
        ) from None
    return path
