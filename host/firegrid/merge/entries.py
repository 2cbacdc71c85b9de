"""Lists that people write, from two laptops: people and Wi-Fi networks.

Entries that ours lacks are written behind it: comments and order stay. What an entry says is never
told: phones and keys are nobody's business.
"""

import tomllib
from functools import partial
from pathlib import Path
from typing import Any

from firegrid.errors import FiregridError
from firegrid.files import whole_file
from firegrid.merge.found import Found
from firegrid.site.document import read_document, toml_table
from firegrid.site.fields import shown

__all__ = ["join_entries"]

FORMAT = 1

Entries = dict[str, dict[str, Any]]


def join_entries(found: Found, own: Path, other: Path, table: str, key: str) -> None:
    """Join two lists of [[table]] whose entries are told apart by `key`."""
    if not other.exists():
        return
    yours = _entries(other, table, key)
    if not own.exists():
        found.take(other, own)
        return
    mine = _entries(own, table, key)
    for name in [name for name in yours if name in mine]:
        keys = {*mine[name], *yours[name]}
        if differing := [k for k in sorted(keys) if mine[name].get(k) != yours[name].get(k)]:
            told = f"{table} {shown(name)}: {', '.join(differing)}"
            found.contradict(f"{told}: {own} says one thing, {other} another")
    new = {name: row for name, row in yours.items() if name not in mine}
    if new:
        text = _joined(own, other, table, mine, new)
        found.change("joined", own, partial(_write, own, text), len(new))


def _entries(path: Path, table: str, key: str) -> Entries:
    rows = read_document(path, FORMAT, f"list of [[{table}]]")
    entries: Entries = {}
    listed = rows.pop(table, [])
    for row in listed if isinstance(listed, list) else [None]:
        name = row.get(key) if isinstance(row, dict) else None
        if row is None or not isinstance(name, str):
            raise FiregridError(
                f"{path}: is no list of [[{table}]], each with {key} as text", "mend it"
            )
        if name in entries:
            raise FiregridError(f"{path}: {table} {shown(name)} stands in it twice", "mend it")
        entries[name] = row
    if rows:
        unknown = shown(next(iter(rows)))
        raise FiregridError(f"{path}: {unknown} is unknown; known: format, {table}", "mend it")
    return entries


def _joined(own: Path, other: Path, table: str, mine: Entries, new: Entries) -> str:
    """Return our text with the new entries behind it, read again to see that it says so."""
    before = own.read_bytes().decode("utf-8-sig").rstrip()
    try:
        lines = [line for row in new.values() for line in toml_table(table, **row)]
        text = "\n".join([before, *lines, ""])
        expected = {"format": FORMAT, table: [*mine.values(), *new.values()]}
        if tomllib.loads(text) == expected:
            return text
    except (TypeError, ValueError):
        pass
    names = ", ".join(map(shown, new))
    raise FiregridError(
        f"{other}: cannot be joined with {own}",
        f"write its entries into ours by hand, then merge again: {names}",
    )


def _write(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode())
