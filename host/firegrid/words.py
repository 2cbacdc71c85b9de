"""The words that people read: conditions, kinds, trouble codes, modes, places, roles."""

import tomllib
from functools import cache
from pathlib import Path

from firegrid import tables

__all__ = ["code", "conditions", "kind", "mode", "section", "word"]

LANGUAGE = "en"


@cache
def _words() -> dict[str, dict[str, str]]:
    path = Path(__file__).parent / "words" / f"{LANGUAGE}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def section(name: str) -> dict[str, str]:
    """Return all words of a section: its keys are the keys that files and messages use."""
    return _words()[name]


def word(section_name: str, key: str) -> str:
    """Return the word for a key; the key itself where a newer gateway uses an unknown one."""
    return section(section_name).get(key, key)


def kind(key: str) -> str:
    """Return what a kind of point is called."""
    return word("kinds", key)


def mode(key: str) -> str:
    """Return what a mode is called."""
    return word("modes", key)


def code(number: int) -> str:
    """Return what a trouble code means, in words a caretaker understands; empty for code 0."""
    if number == 0:
        return ""
    return word("codes", tables.codes().get(number, f"trouble code {number}"))


def conditions(bits: int) -> list[str]:
    """Return the words of the conditions that stand, gravest first; empty for normal."""
    return [word("conditions", key) for key, bit in tables.BITS.items() if bits & bit]
