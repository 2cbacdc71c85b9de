"""The words that people read, from one catalogue per language: words/en.toml, words/zh.toml.

A gateway sends keys and numbers; what a person sees of them is decided here, in the language of
the one who looks. `use` sets it for the whole process.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from firegrid import tables

__all__ = [
    "LANGUAGES",
    "code",
    "conditions",
    "keys_of",
    "kind",
    "language",
    "listed",
    "mode",
    "preferred",
    "section",
    "span",
    "tell",
    "use",
    "word",
]

LANGUAGES = ("en", "zh")
VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the order in which POSIX looks at them

_spoken = {"language": LANGUAGES[0]}


def preferred(environment: Mapping[str, str]) -> str:
    """Return the language that an environment asks for: zh for `zh_CN.UTF-8`; en where unknown."""
    asked = next((environment[name] for name in VARIABLES if environment.get(name)), "")
    return asked[:2] if asked[:2] in LANGUAGES else LANGUAGES[0]


def use(language: str) -> None:
    """Speak this language from now on."""
    _catalogue(language)
    _spoken["language"] = language


def language() -> str:
    """Return the language that is spoken."""
    return _spoken["language"]


@cache
def _catalogue(language: str) -> dict[str, dict[str, str]]:
    path = Path(__file__).parent / "words" / f"{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def section(name: str) -> dict[str, str]:
    """Return all words of a section: its keys are the keys that files and messages use."""
    return _catalogue(language())[name]


def keys_of(section_name: str) -> dict[str, str]:
    """Return the keys of a section by its words in any language, in lower case."""
    return {
        text.lower(): key
        for spoken in LANGUAGES
        for key, text in _catalogue(spoken)[section_name].items()
    }


def word(section_name: str, key: str) -> str:
    """Return the word for a key; the key itself where a newer gateway uses an unknown one."""
    return section(section_name).get(key, key)


def tell(key: str, **values: Any) -> str:
    """Return a sentence of ours by its key, `view.stale`, with the values in their places."""
    section_name, _, name = key.partition(".")
    return section(section_name)[name].format(**values)


def listed(items: Iterable[str]) -> str:
    """Return items as one text, with what stands between them in this language."""
    return section("marks")["comma"].join(items)


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
    known = tables.codes().get(number)
    return word("codes", known) if known else tell("view.code", number=number)


def conditions(bits: int) -> list[str]:
    """Return the words of the conditions that stand, gravest first; empty for normal."""
    return [word("conditions", key) for key, bit in tables.BITS.items() if bits & bit]


def span(seconds: float) -> str:
    """Return a time span in the unit that a person would use."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return section("spans")[unit].format(count=f"{seconds / size:.0f}")
    return tell("spans.s", count=f"{max(seconds, 0):.0f}")
