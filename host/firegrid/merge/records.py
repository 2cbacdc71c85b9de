"""Files of JSON lines from two laptops: the lines of both, in the order of their time.

Which board is which gateway (`boards.jsonl`), which gateway took whose place (`replaced.jsonl`),
and what walk tests have found: lines are only added, so two files contradict each other in what
they say, never in their bytes.
"""

import json
import math
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from pathlib import Path

from firegrid.files import whole_file
from firegrid.flash.boards import BOOTED, LET_GO
from firegrid.lines import Line, is_cut, no_line, read_lines
from firegrid.merge.found import Found

__all__ = ["answered", "join_boards", "join_lines", "join_replaced"]


def join_lines(found: Found, own: Path, other: Path) -> list[Line]:
    """Return the lines of both files by their time; keep the joined file as a change where the
    other one has lines that ours lacks."""
    for path in (own, other):
        if is_cut(path):
            found.note("torn", path)
    mine = read_lines(own)
    known = {_same(line) for line in mine}
    new = {_same(line): line for line in reversed(read_lines(other)) if _same(line) not in known}
    joined = sorted([*mine, *reversed(new.values())], key=_when)
    if new:
        what = "joined" if own.exists() else "taken"
        found.change(what, own, partial(_write, own, [line.text for line in joined]), len(new))
    return joined


def join_boards(found: Found) -> list[Line]:
    """Join the files that say which board is which gateway; return the lines of both."""
    joined = join_lines(found, found.own.boards, found.other.boards)
    last: dict[tuple[str, str], Line] = {}  # what was said last of a board as this gateway
    for line in joined:
        gateway, mac, _ = (_text(line, key) for key in ("gateway", "mac", "state"))
        if gateway and mac:
            last[mac.lower(), gateway] = line
    board_of: dict[str, Line] = {}
    gateway_of: dict[str, Line] = {}
    for (mac, gateway), line in last.items():
        if line.row["state"] in LET_GO:
            continue
        first = gateway_of.setdefault(mac, line)
        if first.row["gateway"] != gateway:
            told = f"{mac}: is {first.row['gateway']} by {_place(first)}"
            found.contradict(f"{told}, and {gateway} by {_place(line)}")
        first = board_of.setdefault(gateway, line)
        if first.row["mac"].lower() != mac:
            told = f"{gateway}: is the board {first.row['mac'].lower()} by {_place(first)}"
            found.contradict(f"{told}, and {mac} by {_place(line)}")
    return joined


def answered(lines: Iterable[Line]) -> set[str]:
    """Return the gateways whose board has answered once: it has the key, no laptop may."""
    return {line.row["gateway"] for line in lines if line.row["state"] == BOOTED}


def join_replaced(found: Found, name: str) -> None:
    """Join the files that say which gateway took whose place."""
    joined = join_lines(found, found.own.directory / name, found.other.directory / name)
    for key, counterpart in (("old", "new"), ("new", "old")):
        first: dict[str, Line] = {}
        for line in joined:
            ident, said = _text(line, key), _text(line, counterpart)
            before = first.setdefault(ident, line)
            if before.row[counterpart] != said:
                told = f"{ident}: its {counterpart} gateway is {before.row[counterpart]}"
                found.contradict(f"{told} by {_place(before)}, and {said} by {_place(line)}")


def _when(line: Line) -> float:
    """Return the Unix time at which a line was written: `at_s`, or `at` as text."""
    at_s = line.row.get("at_s")
    try:
        if at_s is None:
            at_s = datetime.fromisoformat(line.row["at"]).timestamp()
        if not isinstance(at_s, bool) and math.isfinite(at_s):
            return float(at_s)
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise no_line(line.path, line.number)


def _text(line: Line, key: str) -> str:
    """Return a text of a line; "" where a board is no gateway's yet."""
    value = line.row.get(key)
    if isinstance(value, str) or (value is None and key == "gateway"):
        return value or ""
    raise no_line(line.path, line.number)


def _same(line: Line) -> str:
    return json.dumps(line.row, sort_keys=True)


def _place(line: Line) -> str:
    return f"{line.path}, line {line.number}"


def _write(path: Path, texts: list[str]) -> None:
    with whole_file(path) as file:
        file.write("".join(f"{text}\n" for text in texts).encode())
