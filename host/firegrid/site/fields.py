"""Takes the keys of one TOML table by type and bounds, and collects every mistake it meets.

A wrong value never stops the reading: it is noted as one line, a stand-in is returned, and the
reader goes on, so that a person sees all mistakes of a file at once.
"""

import math
import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from firegrid.errors import FiregridError
from firegrid.tables import Figure

__all__ = ["Fields", "Problems", "nearest"]

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_AMOUNT = re.compile(r"\s*([-+]?[0-9]*\.?[0-9]+)\s*([^\s0-9.]\S*)\s*")
_REQUIRED: Any = object()
_TEXT_MAX = 120
_SHOWN_MAX = 60
_NAMES_MAX = 40
_NUMBER_MAX = 10**18
_LINES_MAX = 50


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `did you mean "…"? known: …` for a word that is not among the known ones."""
    names = list(known)
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    guess = f'did you mean "{close[0]}"? ' if close else ""
    more = ", …" if len(names) > _NAMES_MAX else ""
    return f"{guess}known: {', '.join(names[:_NAMES_MAX]) or 'none'}{more}"


def shown(value: object) -> str:
    """Return a value as it is shown in a message: as in TOML, short, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) > _NUMBER_MAX:
        return "a number of absurd size"  # Python refuses to write out the longest of them
    return f'"{printable(value)}"' if isinstance(value, str) else printable(str(value))


def printable(text: str) -> str:
    """Return a text that cannot disturb a terminal: one line, no control characters, short."""
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= _SHOWN_MAX else f"{clean[: _SHOWN_MAX - 1]}…"


class Problems:
    """The mistakes of one file, one line each."""

    def __init__(self, file: object) -> None:
        self._file = file
        self.lines: list[str] = []

    def add(self, where: str, key: str, text: str) -> None:
        """Note one mistake: where in the file, at which key, what was found, what is allowed."""
        parts = [str(self._file), where, key, text]
        self.lines.append(": ".join(part for part in parts if part))

    def refuse_any(self) -> None:
        """Raise one FiregridError with a line for each mistake, if there are any."""
        lines = self.lines[:_LINES_MAX]
        if more := len(self.lines) - len(lines):
            lines.append(f"{self._file}: and {more} mistakes more")
        if lines:
            raise FiregridError("\n".join(lines))


class Fields:
    """The keys of one table of the file; `where` names the table for a person."""

    def __init__(self, row: Mapping[str, Any], where: str, problems: Problems) -> None:
        self.where = where
        self._row = row
        self.problems = problems
        self._asked: dict[str, None] = {}  # in the order of asking
        self._refused: set[str] = set()

    def problem(self, key: str, text: str) -> None:
        """Note a mistake at one key of this table."""
        self.problems.add(self.where, key, text)

    def take(self, key: str, default: Any = _REQUIRED) -> Any:
        """Return the raw value or the default; None, noted, where a required key is missing."""
        self._asked[key] = None
        if key in self._row:
            return self._row[key]
        if default is _REQUIRED:
            self.problem(key, "is missing")
            return None
        return default

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """Return one line of text for people."""
        value = self.take(key, default)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.problem(key, f'{shown(value)} is not a text; write it in "quotes"')
            return ""
        if fault := _text_fault(value) if key in self._row else "":
            self.problem(key, fault)
            return ""
        return value

    def ident(self, key: str, default: Any = _REQUIRED) -> str:
        """Return an id: it becomes part of topics and folder names."""
        value = self.text(key, default)
        if value and not _ID.fullmatch(value):
            allowed = "use 1 to 32 of a-z, 0-9 and -, beginning with a letter or digit"
            self.problem(key, f"{shown(value)} is not an id; {allowed}")
            return ""
        return value

    def idents(self, key: str, default: Any = _REQUIRED) -> tuple[str, ...]:
        """Return a list of different ids."""
        value = self.take(key, default)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            self.problem(key, f'{shown(value)} is not a list of ids; write ["one", "two"]')
            return ()
        for item in sorted({item for item in value if value.count(item) > 1}):
            self.problem(key, f"{shown(item)} stands in it twice")
        return tuple(value)

    def choice(self, key: str, known: Collection[str], default: Any = _REQUIRED) -> str:
        """Return one of the known words."""
        value = self.text(key, default)
        return value if value and self.known(value, key, known) else ""

    def known(self, value: str, key: str, known: Collection[str]) -> bool:
        """Return whether a word is among the known ones; note it where it is not."""
        if value not in known:
            self.problem(key, f"{shown(value)} is unknown; {nearest(value, known)}")
        return value in known

    def whole(self, key: str, figure: Figure) -> int:
        """Return a whole number within the figure's bounds; its default without the key."""
        return self._whole(key, self.take(key, figure.default), figure)

    def count(self, key: str, low: int, high: int, default: Any = _REQUIRED) -> int | None:
        """Return a whole number that has no natural default, or None."""
        value = self.take(key, default)
        return None if value is None else self._whole(key, value, Figure(low, low, high))

    def amount(self, key: str, figure: Figure, unit: str) -> float:
        """Return a number in the unit; "25 %LEL" is accepted where the unit is the right one."""
        value = self.take(key, figure.default)
        if isinstance(value, str):
            value = self._in_unit(key, value, unit)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            self.problem(key, f"{shown(value)} is not a number; write one {_bounds(figure, unit)}")
            value = None
        if value is None:
            return figure.default
        return self._within(key, value, figure, unit)

    def tables(self, key: str) -> list[dict[str, Any]]:
        """Return the tables written as [[key]]."""
        value = self.take(key, ())
        if isinstance(value, list | tuple) and all(isinstance(item, dict) for item in value):
            return list(value)
        self.problem(key, f"is not a list of tables; write [[{key}]] above each")
        return []

    def refuse(self, key: str, text: str) -> None:
        """Note why a key is not allowed here, so that `end` does not call it unknown too."""
        self._refused.add(key)
        self.problem(key, text)

    def left(self) -> list[str]:
        """Return the keys that nobody asked for."""
        return [key for key in self._row if key not in self._asked and key not in self._refused]

    def end(self) -> None:
        """Note every key that is left as unknown."""
        for key in self.left():
            self.problem(printable(key), f"is an unknown key; {nearest(key, self._asked)}")

    def _whole(self, key: str, value: Any, figure: Figure) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return int(self._within(key, value, figure, ""))
        self.problem(key, f"{shown(value)} is not a whole number; write one {_bounds(figure)}")
        return int(figure.default)

    def _in_unit(self, key: str, text: str, unit: str) -> float | None:
        found = _AMOUNT.fullmatch(text)
        if found and found[2] == unit:
            return float(found[1])
        if found:
            wrong = f"{shown(text)} is in {found[2]}, but this is measured in {unit}"
        else:
            wrong = f"{shown(text)} is not a number in {unit}"
        self.problem(key, f"{wrong}; write the number of {unit} without quotes")
        return None

    def _within(self, key: str, value: float, figure: Figure, unit: str) -> float:
        if figure.low <= value <= figure.high and not math.isnan(value):
            return value
        source = f" ({figure.source})" if figure.source else ""
        outside = f"{shown(value)}{_spaced(unit)} is outside {figure.low}…{figure.high}{source}"
        self.problem(key, f"{outside}; choose a value in that range")
        return figure.default


def _text_fault(text: str) -> str:
    if not text:
        return "is empty; fill it or leave the key out"
    if not text.isprintable() or len(text) > _TEXT_MAX:
        return f"must be one line of at most {_TEXT_MAX} printable characters"
    return ""


def _bounds(figure: Figure, unit: str = "") -> str:
    return f"in {figure.low}…{figure.high}{_spaced(unit)}"


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""
