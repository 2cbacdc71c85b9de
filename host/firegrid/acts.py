"""What was done at a gateway, in the words of people: who, what, for how long, why."""

from firegrid import tables, words
from firegrid.site.model import Site
from firegrid.wire import Act

__all__ = ["reason", "row", "tell", "who"]

TIMED = frozenset(tables.verb_minutes())
STOPPED_BY_A_CAUSE = (
    "reset",
    "walk_test",
)  # the point of such a refusal is what stands in the way


def who(act: Act, site: Site) -> str:
    """Return the id of the person; the number of one who is not in the site file; or ""."""
    return site.person_by_number.get(act.person, str(act.person)) if act.person else ""


def reason(act: Act) -> str:
    """Return the name of the reason; the number of one that a newer gateway knows."""
    return tables.reasons().get(act.reason, str(act.reason))


def tell(act: Act, site: Site, point: str = "", conditions: int = 0) -> str:
    """Return an act as half a sentence, "bypassed by leader-04 for 4 h: cleaning".

    `point` is the id of its point, "" for a whole gateway; `conditions` are those that stand
    there: what a refusal is about.
    """
    verb = words.word("verbs", act.verb)
    if act.result == "done":
        what = words.word("acts", act.verb)
    else:
        what = words.tell(f"act.{act.result}", verb=verb)
    minutes = act.minutes if act.result == "done" and act.verb in TIMED else 0
    return words.tell(
        "act.said",
        what=what,
        who=_by(act, site),
        span=words.tell("act.for", span=words.span(60 * minutes)) if minutes else "",
        why=_why(act, point, conditions),
    )


def row(act: Act, site: Site) -> dict[str, str | int | None]:
    """Return an act for a program to read, with names in place of numbers."""
    return {
        "verb": act.verb,
        "result": act.result,
        "how": act.how,
        "person": who(act, site) or None,
        "reason": reason(act) if act.reason else None,
        "minutes": act.minutes,
        "command": act.id or None,
    }


def _by(act: Act, site: Site) -> str:
    person = who(act, site)
    return words.tell("act.by", who=person) if person else words.word("act_hows", act.how)


def _why(act: Act, point: str, conditions: int) -> str:
    """What stands in the way of a refused verb, or why a point is bypassed."""
    if act.result == "refused" and act.verb in STOPPED_BY_A_CAUSE and point and conditions:
        told = " + ".join(words.conditions(conditions))
        return words.tell("act.because", why=words.tell("act.still", point=point, conditions=told))
    if act.result == "done" and act.reason:
        return words.tell("act.because", why=words.word("reasons", reason(act)))
    return ""
