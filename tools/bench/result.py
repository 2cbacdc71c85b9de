"""What an area hands back: rows, each one figure beside the yardstick of the same run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

Tell = Callable[[str], None]  # shows how far an area is


@dataclass(frozen=True, slots=True)
class Row:
    """One figure and its yardstick, in the same unit: medians of `n` rounds.

    `ratio` is the median of the rounds' own ratios, `low` and `high` the least and the greatest.
    """

    what: str
    unit: str
    value: float
    yardstick: str
    against: float
    ratio: float
    low: float
    high: float
    n: int
    held_to: str = ""  # what design or standard asks of the ratio: "≥ 0.30", "≤ 1.1", "0"

    @property
    def holds(self) -> bool:
        """Whether the ratio is as it is held to be."""
        sign, _, limit = self.held_to.rpartition(" ")
        if not limit:
            return True
        if sign == "≥":
            return self.ratio >= float(limit)
        return self.ratio <= float(limit)


@dataclass(frozen=True, slots=True)
class Result:
    """An area's rows, and what a reader must know of this very run."""

    rows: list[Row]
    notes: list[str] = field(default_factory=list)


class Area(NamedTuple):
    """One thing to measure: `run(quick, directory, tell)`; `about` says how, for the page."""

    name: str
    about: str
    run: Callable[[bool, Path, Tell], Result]


class Pair(NamedTuple):
    """What one round has measured."""

    value: float
    against: float


def compare(
    what: str, unit: str, yardstick: str, rounds: Sequence[Pair], held_to: str = ""
) -> Row:
    """Return the row of several rounds, in each of which both sides were measured."""
    ratios = [pair.value / pair.against for pair in rounds]
    return Row(
        what=what,
        unit=unit,
        value=median(pair.value for pair in rounds),
        yardstick=yardstick,
        against=median(pair.against for pair in rounds),
        ratio=median(ratios),
        low=min(ratios),
        high=max(ratios),
        n=len(rounds),
        held_to=held_to,
    )
