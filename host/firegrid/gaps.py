"""The loss ledger read: which numbers of a gateway's journal the store never got, and why.

A record's numbers count up from 1 in its lane, so what is missing shows. The cause is taken from
what the gateway itself has said, never guessed: what nobody explains is unexplained.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from firegrid import words
from firegrid.store import Evidence, Runs, Store

__all__ = ["CAUSES", "Gaps", "Hole", "find_gaps", "tell_missing", "unexplained"]

OVERRUN = "overrun"  # the gateway says that it lost them before a desk had them: full ring, damage
RECREATED = "recreated"  # their journal was begun anew: they are gone with it
WAITING = "waiting"  # no desk has told the gateway to let go: it sends them again
UNEXPLAINED = "unexplained"
CAUSES = (OVERRUN, RECREATED, WAITING, UNEXPLAINED)


@dataclass(frozen=True, slots=True)
class Hole:
    """Numbers that the store does not have; `last` None: nobody knows up to where."""

    first: int
    last: int | None
    cause: str


@dataclass(frozen=True, slots=True)
class Gaps:
    """One lane of one journal: the records from 1 to `last`, `stored` of them here."""

    gateway: str
    epoch: int
    lane: str
    last: int
    stored: int
    holes: list[Hole]


def find_gaps(store: Store, site: str) -> list[Gaps]:
    """Return each lane that the store has heard of, by gateway, in the order of the journals."""
    lanes: dict[tuple[str, str], list[Evidence]] = {}
    for evidence in store.evidence(site):
        lanes.setdefault((evidence.gateway, evidence.lane), []).append(evidence)
    return [gaps for journals in lanes.values() for gaps in _of_lane(journals)]


def unexplained(found: Iterable[Gaps]) -> list[tuple[Gaps, Hole]]:
    """Return the holes that nobody explains: each is an alarm of its own."""
    return [(gaps, hole) for gaps in found for hole in gaps.holes if hole.cause == UNEXPLAINED]


def tell_missing(found: Iterable[tuple[Gaps, Hole]]) -> str:
    """Return holes in one line for a person."""
    return words.listed(
        words.tell(
            "audit.missing",
            gateway=gaps.gateway,
            lane=words.word("audit", gaps.lane),
            epoch=gaps.epoch,
            first=hole.first,
            last=hole.last,
        )
        for gaps, hole in found
    )


def _of_lane(journals: list[Evidence]) -> Iterator[Gaps]:
    carried = 0  # how far the journals before this one counted
    for at, evidence in enumerate(journals):
        after = journals[at + 1] if at + 1 < len(journals) else None
        last = max(evidence.rows.last, evidence.settled.last)
        holes = sorted(_holes(evidence, carried, after is not None), key=lambda hole: hole.first)
        if last and after and 1 in after.rows:
            holes.append(Hole(last + 1, None, RECREATED))
        if last:
            stored = sum(end - first + 1 for first, end in evidence.rows)
            yield Gaps(evidence.gateway, evidence.epoch, evidence.lane, last, stored, holes)
        carried = max(carried, last)


def _holes(evidence: Evidence, carried: int, is_over: bool) -> Iterator[Hole]:
    """Name what is missing; a journal that goes on with its numbers has none below `carried`."""
    dropped, before = Runs(), Runs()
    for loss in evidence.losses:
        if loss.last > loss.stored and (loss.told or evidence.lost_told):
            dropped.add(max(loss.first, loss.stored + 1), loss.last)
        if loss.first == 1 and min(loss.last, loss.stored, carried) >= 1:
            before.add(1, min(loss.last, loss.stored, carried))
    last = max(evidence.rows.last, evidence.settled.last)
    for missing in evidence.rows.gaps(1, last):
        for gap in evidence.settled.gaps(*missing):
            yield Hole(*gap, RECREATED if is_over else WAITING)
        for settled in evidence.settled.within(*missing):
            for gap in dropped.within(*settled):
                yield Hole(*gap, OVERRUN)
            for rest in dropped.gaps(*settled):
                for gap in before.gaps(*rest):
                    yield Hole(*gap, UNEXPLAINED)
