"""What can be judged only when a world is over: see checkers.py for what was heard."""

from collections.abc import Iterator

from firegrid import wire
from firegrid.flashlog import read_image
from firegrid.site.model import Point

from firegrid_sim.checkers import ACT, CONDITION, LOST, Checkers, Record, Span
from firegrid_sim.world import SETTLE_S, GatewayWorld, S

__all__ = ["judge"]

SOUNDS_WITHIN_S = 0.3  # beyond the hold time, as the design promises
READING_S = 2.5  # a step of what happens at a place, and two readings
START_S = 4.0  # from power to the first reading that counts
TROUBLE_S = 12.0  # three times what a lost reading must last, and a stuck bus slows each try
RECOVER_S = 15.0  # so long after a sensor is back
CAUSE_S = 60.0  # hold time to clear, beyond the end of a cause
HEED_S = 80.0  # a command is void after a minute, and was perhaps heard just before
ARRIVES_S = 5.0  # of an ALARM from flash to store, where nothing is broken
BACK_S = 120.0  # after the network was broken: noticed, waited, connected, sent again
HEAP_S = 600.0  # of uptime: by then everything has run once
HEAP_BYTES = 3072  # less than a leak takes in a day, more than what comes and goes
WEAR = 1.1
SURE = 1.2  # of a hold time

_STARTING = 1  # a code: warm-up, and what has not been read yet
_VERB = {name: number for number, name in enumerate(wire.VERBS, 1)}
_DONE = wire.RESULTS.index("done")


def judge(heard: Checkers, world: GatewayWorld) -> None:
    """Add what is wrong to what was heard; close the log."""
    heard.end()
    judges = _Judges(heard, world)
    judges.sounds()
    judges.causes()
    judges.latches()
    judges.starts()
    judges.silences()
    judges.troubles()
    judges.store()
    judges.arrivals()
    judges.heap()
    judges.wear()
    heard.violations.sort()
    for found in heard.violations:
        heard.row("failure", found.at_s, checker=found.checker, why=found.what)


class _Judges:
    def __init__(self, heard: Checkers, world: GatewayWorld) -> None:
        self._heard, self._world = heard, world
        self._records = list(heard.durable.values())
        self._end_s = world.end_us / S - SETTLE_S
        self._bypassed = list(self._bypasses())

    # ---- what was the case ----

    def _is_whole(self, begin_s: float, end_s: float) -> bool:
        """Return whether the gateway ran all the time, with time to start before."""
        on_since = None
        for at_s, on in self._heard.power:
            if at_s > begin_s and (on_since is None or at_s <= end_s):
                break
            on_since = at_s if on else None
        changes = [at_s for at_s, _ in self._heard.power if begin_s < at_s <= end_s]
        runs = on_since is not None and on_since + START_S <= begin_s and not changes
        return runs and not _meets(self._heard.shaken, begin_s, end_s)

    def _is_lost(self, point: str, begin_s: float, end_s: float) -> bool:
        return _meets(self._heard.lost, begin_s - TROUBLE_S, end_s, point)

    def _is_odd(self, point: str, begin_s: float, end_s: float) -> bool:
        """Return whether it said what is not so, or what it says was not heeded."""
        odd = _meets(self._heard.odd, begin_s - CAUSE_S, end_s, point)
        return odd or _meets(self._bypassed, begin_s, end_s, point)

    def _bypasses(self) -> Iterator[Span]:
        """Yield when points were out of service, as the gateway took it and as long as it may."""
        begun: dict[str, tuple[float, float]] = {}
        for record in self._records:
            if record.event != ACT or record.bits & 15 != _VERB["bypass"]:
                continue
            name = self._heard.ids.get(record.point, "")
            begin_s, end_s = begun.pop(name, (0.0, 0.0))
            if begin_s:
                yield Span(begin_s, min(end_s, record.at_s + 2), name)
            if record.bits >> 4 & 3 == _DONE:
                minutes = record.value >> 19 & 0x1FFF
                begun[name] = (record.at_s, record.at_s + 60 * minutes + READING_S)
        for name, (begin_s, end_s) in begun.items():
            yield Span(begin_s, end_s, name)

    def _is_sounding(self, begin_s: float, end_s: float) -> bool:
        """Return whether the sounder was on at any time between."""
        on = False
        for at_s, level in self._heard.sounds:
            if at_s > end_s:
                break
            if at_s >= begin_s and level:
                return True
            on = level
        return on

    def _stands(self, number: int, bit: int, at_s: float) -> bool:
        """Return whether a condition stands at a moment by the last record before it."""
        stands = False
        for record in self._records:
            if record.at_s <= at_s and record.point == number and record.event == CONDITION:
                stands = bool(record.conditions & bit)
        return stands

    def _changes(self) -> Iterator[tuple[Record, str, int, int]]:
        """Yield each change of a point: its record, its id, the bits that came, that went."""
        before: dict[int, int] = {}
        for record in self._records:
            if record.event == CONDITION and record.point in self._heard.ids:
                was = before.get(record.point, 0)
                before[record.point] = now = record.conditions
                yield record, self._heard.ids[record.point], now & ~was, was & ~now

    def _acts(self, verb: str, result: int) -> Iterator[Record]:
        for record in self._records:
            if record.event == ACT and record.bits & 63 == _VERB[verb] | result << 4:
                yield record

    # ---- alarms ----

    def sounds(self) -> None:
        """Every true fire sounds within its limit while there is power."""
        heard = self._heard
        for name, place in self._world.rooms.items():
            point = heard.points[name]
            for begin_s, end_s, cause, bit in place.truths:
                due_s = _due_s(point, begin_s, bit)
                if bit != wire.ALARM or end_s > self._end_s or due_s > end_s:
                    continue
                if (
                    not self._is_whole(begin_s, due_s)
                    or self._is_lost(name, begin_s, due_s)
                    or self._is_odd(name, begin_s, due_s)
                    or _meets(heard.blips, begin_s, due_s, name)
                ):
                    heard.counts["fires not judged"] += 1
                    continue
                heard.counts["fires"] += 1
                if not self._stands(point.number, wire.ALARM, due_s):
                    why = f"{name}: {cause}, and no ALARM by {due_s:.1f} s"
                    heard.fail("sounds", why, begin_s)
                elif name in heard.sounding and not self._is_sounding(
                    begin_s - CAUSE_S, due_s + 1
                ):
                    heard.fail("sounds", f"{name}: {cause}, and no sounder", begin_s)

    def causes(self) -> None:
        """Nothing is raised, alarm or trouble, without a cause."""
        heard = self._heard
        for record, name, came, _ in self._changes():
            at_s = record.at_s
            well = not self._is_lost(name, at_s, at_s) and not self._is_odd(name, at_s, at_s)
            if not well or _meets(heard.shaken, at_s, at_s):
                continue
            if came & wire.TROUBLE and record.code != _STARTING:
                heard.fail("no-cause", f"{name}: TROUBLE without a cause", at_s)
            if not came & wire.ALARM:
                continue
            heard.counts["alarms"] += 1
            if not self._is_true(name, at_s - CAUSE_S, at_s):
                heard.fail("no-cause", f"{name}: ALARM without a cause", at_s)

    def _is_true(self, name: str, begin_s: float, end_s: float) -> bool:
        """Return whether there was a cause for an ALARM, or what could be taken for one."""
        place = self._world.rooms[name]
        causes = [*place.truths, *place.doubts]
        return any(
            bit == wire.ALARM and began_s <= end_s and begin_s <= ended_s
            for began_s, ended_s, _, bit in causes
        )

    def latches(self) -> None:
        """An ALARM goes neither while its cause stands nor, where it latches, without a person."""
        heard = self._heard
        for record, name, _, went in self._changes():
            at_s = record.at_s
            if not went & wire.ALARM or at_s > self._end_s:
                continue
            if self._is_odd(name, at_s - 3, at_s + 3):
                continue
            point = heard.points[name]
            heard.counts["alarms that went"] += 1
            levels = [level for level in point.levels.values() if level.bit == wire.ALARM]
            orders = [
                when_s
                for when_s, verb in heard.verbs
                if verb == "reset" and at_s - HEED_S <= when_s <= at_s
            ]
            for span in heard.lost:
                if span.about == name and span.begin_s + 0.5 <= at_s <= span.end_s:
                    seen_s = span.begin_s - max(level.clear_hold_ms for level in levels) / 1000
                    if not orders or self._is_true(name, seen_s - READING_S, at_s):
                        heard.fail("latch", f"{name}: left ALARM while its sensor was lost", at_s)
            if all(level.latch for level in levels) and not orders:
                heard.fail("latch", f"{name}: left ALARM, and nobody had reset it", at_s)
            for begin_s, end_s, cause, bit in self._world.rooms[name].truths:
                if bit == wire.ALARM and _due_s(point, begin_s, bit) < at_s < end_s - READING_S:
                    heard.fail("latch", f"{name}: left ALARM during {cause}", at_s)

    def starts(self) -> None:
        """What stood when the board stopped stands again, and is heard."""
        heard = self._heard
        for on_s, on in heard.power[1:]:
            due_s = on_s + START_S + READING_S
            if not on or not self._is_whole(on_s + START_S, due_s + 2):
                continue
            for name in heard.sounding:
                number = heard.points[name].number
                if (
                    self._stands(number, wire.ALARM, on_s)
                    and self._stands(number, wire.ALARM, due_s + 2)
                    and not self._is_odd(name, on_s, due_s)
                ):
                    heard.counts["starts with an alarm"] += 1
                    silenced = any(on_s < act.at_s < due_s for act in self._acts("silence", _DONE))
                    if not silenced and not self._is_sounding(due_s, due_s + 2):
                        heard.fail("latch", f"{name}: in ALARM before the start, not heard", on_s)

    def silences(self) -> None:
        """Who silences is obeyed at once, and for no longer than he said."""
        heard = self._heard
        alarms = [record.at_s for record, _, came, _ in self._changes() if came & wire.ALARM]
        begun = [record.at_s for record in self._acts("silence", _DONE)]
        for record in self._acts("silence", _DONE):
            at_s = record.at_s
            end_s = at_s + 60 * (record.value >> 19 & 0x1FFF)
            if not any(at_s - 1 <= alarm_s <= at_s + 2 for alarm_s in alarms) and (
                self._is_whole(at_s, at_s + 2) and self._is_sounding(at_s + 0.5, at_s + 1.5)
            ):
                heard.fail("silence", "the sounder sounds though it was silenced", at_s)
            loud = any(
                self._stands(heard.points[name].number, wire.ALARM, end_s)
                and self._stands(heard.points[name].number, wire.ALARM, end_s + 3)
                for name in heard.sounding
            )
            again = any(at_s < other_s <= end_s + 3 for other_s in begun)
            if loud and not again and self._is_whole(at_s, end_s + 3):
                heard.counts["silences"] += 1
                if not self._is_sounding(end_s + 0.5, end_s + 2.5):
                    heard.fail("silence", "it does not end, and an alarm stands", end_s)

    def troubles(self) -> None:
        """A lost sensor is told in time, and so is that it is back."""
        heard = self._heard
        for begin_s, end_s, name in heard.lost:
            point = heard.points[name]
            due_s = begin_s + TROUBLE_S
            if (
                due_s <= end_s
                and self._is_whole(begin_s, due_s)
                and not self._is_odd(name, begin_s, due_s)
            ):
                heard.counts["lost sensors"] += 1
                if not self._stands(point.number, wire.TROUBLE, due_s):
                    why = f"{name}: lost for {TROUBLE_S:g} s, and no TROUBLE"
                    heard.fail("trouble", why, begin_s)
            due_s = end_s + RECOVER_S + point.params.get("warm_up_s", 0)
            if (
                due_s < self._end_s
                and self._is_whole(end_s, due_s)
                and not _meets(heard.lost, end_s + 0.001, due_s, name)
                and not self._is_odd(name, end_s, due_s)
            ):
                heard.counts["mended sensors"] += 1
                if self._stands(point.number, wire.TROUBLE, due_s):
                    why = f"{name}: mended for {due_s - end_s:g} s, and still TROUBLE"
                    heard.fail("recovers", why, end_s)

    # ---- records ----

    def store(self) -> None:
        """Nothing durable is lost, nothing invented, end to end; what was cut counts apart."""
        heard, world = self._heard, self._world
        missing = []
        for key, record in heard.durable.items():
            stored = heard.stored.get(key)
            if stored is None:
                if record.at_s < world.end_us / S - 30 and key not in heard.rotten:
                    missing.append(key)
            elif (stored.point, stored.conditions) != (record.point, record.conditions) and (
                record.event == CONDITION
            ):
                heard.fail("invented", f"event {key[1]} of start {key[0]} differs in the store")
        for boot, n in missing[self._losses_told() :]:
            heard.fail("durable", f"event {n} of start {boot} never came")
        for (boot, n), sample in heard.samples.items():
            if sample.at_s < world.end_us / S - 30:
                heard.fail("durable", f"sample {n} of start {boot} never came")
        strangers = sum(key not in heard.durable for key in heard.stored)
        heard.counts["cut appends"] = strangers + len(heard.samples_early)
        if heard.counts["cut appends"] > sum(world.resets.values()):
            why = f"{strangers} events and {len(heard.samples_early)} samples in the store"
            heard.fail("invented", f"{why} that no flash has taken")

    def _losses_told(self) -> int:
        """Return how many losses the gateway told, where a world gave it a reason to lose any."""
        heard = self._heard
        if not (heard.counts["fault bit-rot"] or heard.counts["fault bad-sector"]):
            return 0
        told = 0
        for record in self._records:
            if record.event == LOST:
                if record.code:
                    return len(self._records)  # a whole sector is strange: nobody knows how many
                told += record.value // 1000
        return told

    def arrivals(self) -> None:
        """An ALARM reaches the store at once where nothing is broken."""
        heard = self._heard
        for record, name, came, _ in self._changes():
            at_s = record.at_s
            if (
                not came & wire.ALARM
                or not self._is_whole(at_s - BACK_S, at_s + ARRIVES_S)
                or _meets(heard.broken, at_s - BACK_S, at_s + ARRIVES_S)
                or at_s > self._end_s
            ):
                continue
            heard.counts["arrivals"] += 1
            stored_s = heard.stored_s.get((record.boot, record.n))
            if stored_s is None or stored_s > at_s + ARRIVES_S:
                when = "never" if stored_s is None else f"{stored_s - at_s:.1f} s later"
                heard.fail("arrives", f"{name}: ALARM in the flash, in the store {when}", at_s)

    # ---- what lasts years ----

    def heap(self) -> None:
        """Of one start, the heap's low-water mark does not go on falling."""
        first: dict[int, int] = {}
        for at_s, head in self._world.heads:
            boot, low = head["boot"], head["heap_low_bytes"]
            if head["up_s"] < HEAP_S or _meets(self._heard.shaken, 0, at_s):
                continue
            if low < first.setdefault(boot, low) - HEAP_BYTES:
                why = f"the low-water mark of start {boot} fell from {first[boot]} to {low} bytes"
                self._heard.fail("heap", why, at_s)
                return

    def wear(self) -> None:
        """Erases stay within 1.1 times what the records need, the first of each sector apart."""
        heard = self._heard
        found = read_image((self._world.directory / "partition-events.bin").read_bytes())
        erases = sum(sector.erases or 0 for sector in found.sectors)
        heard.counts["erases"] = erases
        resets = sum(self._world.resets.values())
        hurt = heard.counts["fault bit-rot"] + heard.counts["fault bad-sector"]
        allowed = WEAR * 32 * len(heard.durable) / 4096 + len(found.sectors) / 8 + resets + hurt
        if erases > allowed:
            heard.fail("wear", f"{erases} erases for {len(heard.durable)} events")


def _meets(spans: list[Span], begin_s: float, end_s: float, about: str = "") -> bool:
    return any(
        span.begin_s <= end_s and begin_s <= span.end_s and span.about == about for span in spans
    )


def _due_s(point: Point, begin_s: float, bit: int) -> float:
    """Return when the gateway must have decided about a cause that began then."""
    hold_ms = max(level.hold_ms for level in point.levels.values() if level.bit == bit)
    return begin_s + hold_ms / 1000 * SURE + SOUNDS_WITHIN_S + READING_S
