"""Puts an application on a board that runs one: into the slot not in use, then the pointer moves.

Until the pointer moves the board starts what it started before, whatever breaks. Of the files only
those are sent that the board has in neither slot; all of them are read back before they count.
"""

from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from firegrid.boardport import PIECE_BYTES, WATCHDOG_MS, BoardError, StoppedBoard
from firegrid.errors import FiregridError
from firegrid.image.filesystem import SLOTS, read_slot_pointer, slot_pointer
from firegrid.started import said_of_itself

__all__ = ["Plan", "check", "compare", "heard", "prepare", "send", "switch"]

START_S = 60.0
ASK_S = 5.0
_PROMPT = ">>>"
_BANNER = ("MicroPython v", 'Type "help()"')  # what stands between a traceback and the prompt
_FULL = ("OSError: 28", "OSError: [Errno 28]")
_KEEP_AT_ONCE = 8

_LAYOUT = f"""
import machine, os, sys
watchdog = machine.WDT(timeout={WATCHDOG_MS})
print(sys.path[0])
try:
    with open("/slot") as file:
        print(file.read())
except OSError:
    print("-")
"""
# The application stands still, and gives back what it takes of the heap.
_ROOM = """
import asyncio, gc
asyncio.new_event_loop()
asyncio.core.cur_task = None
for name in list(sys.modules):
    if getattr(sys.modules[name], "__file__", "/a/")[:3] in ("/a/", "/b/"):
        del sys.modules[name]
gc.collect()
"""
_TOOLS = f"""
from binascii import a2b_base64, hexlify
from hashlib import sha256
piece = bytearray({PIECE_BYTES})
def pieces(path):
    with open(path, "rb") as file:
        while True:
            watchdog.feed()
            size = file.readinto(piece)
            if not size:
                return
            yield memoryview(piece)[:size]
def seal(path):
    total = sha256()
    for part in pieces(path):
        total.update(part)
    return hexlify(total.digest()).decode()
def has(path):
    try:
        return bool(os.stat(path))
    except OSError:
        return False
def look(folder):
    print("-", folder)
    for entry in os.ilistdir(folder):
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            look(path)
        else:
            print(seal(path), path)
def copy(old, new):
    with open(new, "wb") as file:
        for part in pieces(old):
            file.write(part)
    print(new)
def put(text):
    watchdog.feed()
    file.write(a2b_base64(text))
"""
_SWITCH = """
watchdog.feed()
with open("/slot.new", "wb") as file:
    file.write({pointer!r})
os.rename("/slot.new", "/slot")
with open("/slot", "rb") as file:
    print(file.read() == {pointer!r})
"""


class _Tree(NamedTuple):
    """What lies in a slot: the SHA-256 of each file by its path there, and the folders."""

    files: dict[str, str]
    folders: list[str]


class Plan(NamedTuple):
    """What there is to do, so that slot `to` holds `app` instead of slot `runs`."""

    runs: str
    to: str
    app: Mapping[str, bytes]
    settled: bool  # whether the pointer names `runs`, and nothing is on trial
    changed: bool
    gone: list[str]  # what runs has them, the application no longer
    there: _Tree  # what lies in `to` as yet; of its files, these are wrong:
    remove: list[str]
    keep: list[str]  # of the missing ones: `runs` has them
    send: list[str]

    @property
    def send_bytes(self) -> int:
        """Return the size of what is sent."""
        return sum(len(self.app[path]) for path in self.send)


def compare(board: StoppedBoard, app: Mapping[str, bytes]) -> Plan:
    """Return what makes the board start `app`; nothing on it is changed by that."""
    path, *lines = board.run(_LAYOUT).splitlines()
    if lines == ["-"]:
        raise FiregridError(
            f"{board.port}: MicroPython answers, but this board has no /slot",
            "it was not laid out by firegrid: flash it first",
        )
    pointer = read_slot_pointer("\n".join(lines).encode())
    runs = pointer.get("run") or path.removeprefix("/")
    if runs not in SLOTS:
        raise FiregridError(f"{board.port}: the board's /slot is damaged", "flash it anew")
    to = SLOTS[1 - SLOTS.index(runs)]
    board.run(_ROOM)
    board.run(_TOOLS)
    running, there = _look(board, runs), _look(board, to)
    wanted = {path: sha256(data).hexdigest() for path, data in app.items()}
    missing = [path for path in wanted if there.files.get(path) != wanted[path]]
    kept = {path for path in missing if running.files.get(path) == wanted[path]}
    return Plan(
        runs=runs,
        to=to,
        app=app,
        settled=bool(pointer) and "trial" not in pointer,
        changed=running.files != wanted,
        gone=[path for path in running.files if path not in wanted],
        there=there,
        remove=[path for path in there.files if there.files[path] != wanted.get(path)],
        keep=[path for path in missing if path in kept],
        send=[path for path in missing if path not in kept],
    )


def prepare(board: StoppedBoard, plan: Plan) -> None:
    """Bring the slot not in use as far as it goes with what is on the board."""
    if not plan.settled:
        _point(board, plan.runs)
    base = f"/{plan.to}/"
    folders = ["", *sorted({part for path in plan.app for part in _folders(path)})]
    stale = [folder for folder in plan.there.folders if folder not in folders]
    new = [folder for folder in folders if folder not in plan.there.folders]
    _each(board, "os.remove", plan.remove, base)
    _each(board, "os.rmdir", sorted(stale, reverse=True), base)
    _each(board, "os.mkdir", new, base)
    for at in range(0, len(plan.keep), _KEEP_AT_ONCE):
        pairs = [(f"/{plan.runs}/{path}", base + path) for path in plan.keep[at:][:_KEEP_AT_ONCE]]
        _write(board, f"for pair in {pairs!r}:\n    copy(*pair)")


def send(board: StoppedBoard, plan: Plan, tell: Callable[[int, int], None]) -> None:
    """Send what the board does not have; `tell(done, size)` hears of each piece, in bytes."""
    done = 0
    for path in plan.send:
        data = plan.app[path]
        _write(board, f"file = open({f'/{plan.to}/{path}'!r}, 'wb')")
        for at in range(0, len(data), PIECE_BYTES):
            piece = data[at : at + PIECE_BYTES]
            _write(board, f"put({b2a_base64(piece, newline=False)!r})")
            done += len(piece)
            tell(done, plan.send_bytes)
        _write(board, "file.close()")


def check(board: StoppedBoard, plan: Plan) -> None:
    """Read everything back; raise where it is not what it should be."""
    found = _look(board, plan.to).files
    wanted = {path: sha256(data).hexdigest() for path, data in plan.app.items()}
    wrong = sorted(path for path in found | wanted if found.get(path) != wanted.get(path))
    if wrong:
        raise FiregridError(
            f"{board.port}: {', '.join(wrong)} reads back as something else",
            f"slot {plan.runs} stays; if it repeats, the board's flash is bad",
        )


def switch(board: StoppedBoard, plan: Plan) -> None:
    """Let the board start the new application from now on: all of it, or the old one."""
    _point(board, plan.to)


def heard(board: StoppedBoard, slot: str) -> dict[str, Any]:
    """Return what the restarted application says of itself; raise where it says nothing."""
    last, ended = "", f"did not say within {START_S:.0f} s who it is"
    for line in board.lines(START_S, ASK_S):
        said = said_of_itself(line)
        if said:
            return said
        if line.startswith(_PROMPT):
            ended = "ended"
            break
        last = line if line and not line.startswith(_BANNER) else last
    raise FiregridError(
        f"{board.port}: slot {slot} was started, and its application {ended}; the last that it "
        f"printed: {last[:120] or 'nothing'}",
        "mend it and deploy again: MicroPython still answers",
    )


def _look(board: StoppedBoard, slot: str) -> _Tree:
    tree = _Tree({}, [])
    for line in board.run(f"if has('/{slot}'):\n    look('/{slot}')").splitlines():
        kind, _, path = line.partition(" ")
        path = path.removeprefix(f"/{slot}").removeprefix("/")
        if kind == "-":
            tree.folders.append(path)
        else:
            tree.files[path] = kind
    return tree


def _folders(path: str) -> Iterator[str]:
    """Yield the folders that a file lies in."""
    while path := path.rpartition("/")[0]:
        yield path


def _each(board: StoppedBoard, what: str, paths: Iterable[str], base: str) -> None:
    for path in paths:
        _write(board, f"watchdog.feed()\n{what}({(base + path).rstrip('/')!r})")


def _point(board: StoppedBoard, slot: str) -> None:
    if _write(board, _SWITCH.format(pointer=slot_pointer(slot))).strip() != "True":
        raise FiregridError(
            f"{board.port}: /slot reads back as something else", "the board's flash may be bad"
        )


def _write(board: StoppedBoard, program: str) -> str:
    try:
        return board.run(program)
    except BoardError as error:
        if not error.said.startswith(_FULL):
            raise
        raise FiregridError(
            f"{board.port}: the board's file system is full",
            "remove what is not firegrid's from it; what ran before goes on",
        ) from None
