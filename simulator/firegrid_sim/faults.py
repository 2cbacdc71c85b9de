"""The fault model: what breaks in a simulated world, how often, and what must be survived.

name           a day  what happens                            what must hold
power-cut      4      the power goes at any instant, for 1 s  nothing durable is lost or invented,
                      to 10 min; what is written is torn      what stood stands again
brown-out      0.5    three power cuts within seconds         the same
torn-write     4      the power goes in the middle of the     the same
                      next program or erase
link-down      6      the access point is gone, 5 s to        alarms sound all the same, nothing is
                      10 min                                  lost, the link lamp says so
half-open      3      packets vanish, the connection stands,  noticed within a minute, sent again
                      and half of them never pass again
slow-link      4      each packet takes up to 2 s longer      nothing is lost
broker-restart 3      the broker dies and forgets all         nothing is lost
redelivered    2      all is handed on twice, both ways; to   nothing is stored twice, no command
                      the desk out of order                   is carried out twice
desk-dies      3      between commit and answer, for 10 s     nothing is lost, nothing stored twice
                      to 10 min
clock-lies     1      the desk's clock is days off            nothing is lost, alarms sound
sensor-cut     2      a wire of a sensor is open or shorted   TROUBLE within its time, no ALARM
sensor-blip    6      a wire is open for a second at most     no TROUBLE, no ALARM
sensor-odd     1      a sensor is noisy, or stuck             the other points are as they were
bus-stuck      1      something holds the I2C bus down        TROUBLE within its time, no ALARM
bit-rot        0.5    a bit of the events' flash flips        at most what stood there is lost
bad-sector     0.05   a sector of it fails for good           nothing durable is lost
heap-full      1      nearly all of the heap is taken, 1 s    it goes on or starts anew by itself,
                      to 20 s                                 nothing durable is lost
task-raises    1      a call of the network raises            the task is started again
task-hangs     0.5    a call never returns                    the watchdog resets, only then
uart-garbage   4      rubbish comes over the serial port      nothing is done
sensor-drift   1      a sensor shows up to 30 % too little    the other points are as they were
                      or too much, more and more

Rates are a gateway's, ours, and far above life's: a world of days must meet what years bring. Half
of all worlds meet the wrap of the millisecond counter, a quarter has no more heap than a board.
What is not modelled is in docs/SIMULATION.md.
"""

from random import Random
from typing import NamedTuple

from firegrid.errors import FiregridError

__all__ = ["FAULTS", "Fault", "planned", "rates"]

DAY_S = 86400.0


class Fault(NamedTuple):
    """A kind of fault: how often in a day, and how long it lasts, from and to."""

    name: str
    per_day: float
    shortest_s: float
    longest_s: float


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("power-cut", 4, 1, 600),
        Fault("brown-out", 0.5, 1, 5),
        Fault("torn-write", 4, 0.2, 60),
        Fault("link-down", 6, 5, 600),
        Fault("half-open", 3, 10, 300),
        Fault("slow-link", 4, 30, 600),
        Fault("broker-restart", 3, 1, 120),
        Fault("redelivered", 2, 30, 600),
        Fault("desk-dies", 3, 10, 600),
        Fault("clock-lies", 1, 60, 3600),
        Fault("sensor-cut", 2, 60, 600),
        Fault("sensor-blip", 6, 0.05, 1.2),
        Fault("sensor-odd", 1, 60, 600),
        Fault("bus-stuck", 1, 30, 300),
        Fault("bit-rot", 0.5, 1, 1),
        Fault("bad-sector", 0.05, 1, 1),
        Fault("heap-full", 1, 1, 20),
        Fault("task-raises", 1, 1, 1),
        Fault("task-hangs", 0.5, 1, 1),
        Fault("uart-garbage", 4, 1, 1),
        Fault("sensor-drift", 1, 600, 7200),
    )
}


class Planned(NamedTuple):
    """A fault that will happen: when, which, for how long."""

    at_s: float
    name: str
    lasts_s: float


def rates(given: tuple[str, ...]) -> dict[str, float]:
    """Return how often each fault comes in a day, with what NAME=RATE changes."""
    found = {name: fault.per_day for name, fault in FAULTS.items()}
    for text in given:
        name, equals, rate = text.partition("=")
        if name not in FAULTS or not equals:
            raise FiregridError(f'--fault "{text}" is no NAME=RATE', f"names: {', '.join(FAULTS)}")
        try:
            found[name] = float(rate)
        except ValueError:
            raise FiregridError(f'--fault "{text}": the rate is no number a day') from None
        if not 0 <= found[name] <= 1000:
            raise FiregridError(f'--fault "{text}": 0 to 1000 a day are allowed')
    return found


def planned(rng: Random, a_day: dict[str, float], until_s: float) -> list[Planned]:
    """Draw what happens until then, in the order of time. Each kind has chances of its own, so
    that leaving one out leaves the others where they are."""
    seeds = {name: rng.getrandbits(64) for name in FAULTS}
    found = []
    for name, fault in FAULTS.items():
        chance = Random(seeds[name])
        at_s = 0.0
        while a_day[name] and (at_s := at_s + chance.expovariate(a_day[name] / DAY_S)) < until_s:
            lasts_s = round(chance.uniform(fault.shortest_s, fault.longest_s), 3)
            found.append(Planned(round(at_s, 6), name, lasts_s))
            at_s += lasts_s
    return sorted(found)
