"""What a person at the desk may order a gateway to do, made into a command of the wire."""

import math
import secrets
import time
from dataclasses import dataclass

from firegrid import tables, wire
from firegrid.errors import FiregridError
from firegrid.site.model import Site

__all__ = ["WHOLE", "Clerk", "Order", "fault"]

WHOLE = ("silence", "self_test")  # about a whole gateway, never about a point
TICKS_PER_S = 8
TICKS_BEGIN_S = 1_704_067_200  # 2024-01-01


@dataclass(frozen=True, slots=True)
class Order:
    """One verb by one person, by the ids of the site file."""

    gateway: str
    verb: str
    by: str
    point: str = ""  # "": the whole gateway
    minutes: int | None = None  # None: as usual for the verb, 0: it ends now
    reason: str = ""


def fault(order: Order, site: Site) -> str:
    """Return what is wrong with an order, and what to do about it; "" where nothing is."""
    person = next((one for one in site.people if one.id == order.by), None)
    if person is None:
        return f"{order.by} is nobody in the site file; name a person by id"
    if not person.number:
        return f"{order.by} has no number; give [[person]] {order.by} one in the site file"
    return _point_fault(order, site) or _minutes_fault(order)


def _point_fault(order: Order, site: Site) -> str:
    if not order.point:
        return "bypass needs a point" if order.verb == "bypass" else ""
    if order.verb in WHOLE:
        return f"{order.verb} is about a whole gateway; leave the point out"
    point = site.point(order.point)
    if point.gateway != order.gateway:
        return f"{point.id} is wired to {point.gateway}, not to {order.gateway}"
    return ""


def _minutes_fault(order: Order) -> str:
    if order.minutes is None:
        return ""
    timed = tables.verb_minutes().get(order.verb)
    if timed is None:
        names = ", ".join(tables.verb_minutes())
        return f"{order.verb} has no time; minutes are for {names}"
    if order.minutes and not timed.low <= order.minutes <= timed.high:
        allowed = f"allowed: {timed.low} to {timed.high}, or 0 to end it now"
        return f"{order.minutes} minutes are outside what {order.verb} may last; {allowed}"
    return ""


class Clerk:
    """Writes the commands of a site.

    A gateway refuses a sequence that is not above the last one it carried out, so that an old
    command cannot come back. Ours is the time in eighths of a second: it rises without anything
    being remembered, also when another laptop gives the next command, and fits 32 bits until 2041.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._sequence = 0

    def write(self, order: Order, valid_s: float) -> wire.Command:
        """Return the command, void after `valid_s`; raise where the order has a fault."""
        if why := fault(order, self._site):
            raise FiregridError(why)
        now_s = time.time()
        self._sequence = max(self._sequence + 1, int((now_s - TICKS_BEGIN_S) * TICKS_PER_S))
        numbers = {name: number for number, name in tables.reasons().items()}
        return wire.Command(
            site=self._site.id,
            gateway=order.gateway,
            id=1 + secrets.randbelow(0xFFFF_FFFF),
            verb=order.verb,
            issuer=next(one.number for one in self._site.people if one.id == order.by),
            expires_s=math.ceil(now_s + valid_s),
            sequence=self._sequence,
            point=self._site.point(order.point).number if order.point else 0,
            minutes=order.minutes,
            reason=numbers[order.reason] if order.reason else None,
        )
