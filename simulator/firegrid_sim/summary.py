"""What a run has shown: raised against stored, steps against what was seen; as one JSON object."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from firegrid import words
from firegrid.gaps import Gaps, unexplained
from firegrid.site.model import Site
from firegrid.store import StoredEvent
from firegrid.wire import condition_words

from firegrid_sim.board import DEEP_SLEEP, HARD, POWER_ON, SOFT, WATCHDOG
from firegrid_sim.fleet import Key
from firegrid_sim.scenario import Answer, Moment, Scenario, Step, judge, sounder_after_ms

SCHEMA = "firegrid.run/1"
PERCENTILES_FROM = 300  # fewer values have no 99th percentile worth the name

FAILED = 3  # exit code of a run that has not shown what it must

_CAUSES = {
    POWER_ON: "power_on",
    HARD: "hard",
    WATCHDOG: "watchdog",
    DEEP_SLEEP: "deep_sleep",
    SOFT: "soft",
}


@dataclass(slots=True)
class Seen:
    """All that was witnessed, at the boards and in the store; times are Unix time in ns."""

    site: Site
    scenario: Scenario | None
    build_sha256: str
    begin_ns: int = 0
    end_ns: int = 0
    raised: dict[Key, int] = field(default_factory=dict)
    stored: dict[Key, int] = field(default_factory=dict)
    events: list[StoredEvent] = field(default_factory=list)
    sounded: Mapping[str, list[int]] = field(default_factory=dict)
    firmware: dict[str, str] = field(default_factory=dict)  # gateway -> what it booted from
    given: dict[Step, int] = field(default_factory=dict)  # the command that a step gave: its id
    resets: dict[str, Counter[int]] = field(default_factory=dict)
    redelivered: int = 0
    duplicates: int = 0
    gaps: list[Gaps] = field(default_factory=list)

    def seconds(self, time_ns: int) -> float:
        """Return when something was, in seconds since the beginning."""
        return round((time_ns - self.begin_ns) / 1e9, 3)


def summarise(seen: Seen) -> dict[str, Any]:
    """Return the summary of a run."""
    in_store = {Key(event.gateway, event.boot, event.n) for event in seen.events}
    stored = seen.raised.keys() & in_store
    history = _history(seen)
    return {
        "schema": SCHEMA,
        "site": seen.site.id,
        "gateways": len(seen.site.gateways),
        "seconds": seen.seconds(seen.end_ns),
        "raised": len(seen.raised),
        "stored": len(stored),
        "missing": len(seen.raised) - len(stored),
        "duplicates": seen.duplicates,
        "redelivered": seen.redelivered,
        "holes": sum(len(gaps.holes) for gaps in seen.gaps),
        "unexplained": len(unexplained(seen.gaps)),
        "latency_ms": _latency_ms(seen),
        "firmware_sha256": _one(seen.firmware.values()),
        "build_sha256": seen.build_sha256,
        "sounded": [_sounded(n, step, seen) for n, step in _steps(seen) if step.sounder],
        "steps": [_step(step, history, seen) for _, step in _steps(seen)],
        "resets": {
            gateway: {_CAUSES[cause]: count for cause, count in causes.items()}
            for gateway, causes in seen.resets.items()
            if causes
        },
        "points": {
            source: [
                {"t_s": t_s, "conditions": condition_words(bits), "mode": mode}
                for t_s, bits, mode in changes
            ]
            for source, changes in history.items()
        },
    }


def exit_code(summary: Mapping[str, Any]) -> int:
    """Return 0, or FAILED where a run has lost, doubled or not seen something."""
    return FAILED if faults(summary) else 0


def faults(summary: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a run, one line each."""
    found = []
    if summary["missing"]:
        found.append(
            words.tell("run.missing", missing=summary["missing"], raised=summary["raised"])
        )
    if summary["duplicates"]:
        found.append(words.tell("run.twice", count=summary["duplicates"]))
    if summary["unexplained"]:
        found.append(words.tell("run.holes", count=summary["unexplained"]))
    if summary["firmware_sha256"] != summary["build_sha256"]:
        found.append(words.tell("run.other_firmware"))
    found += [
        words.tell("run.failed_step", at=f"{step['at_s']:g}", say=step["say"], why=step["why"])
        for step in summary["steps"]
        if step["ok"] is False
    ]
    return found


def _history(seen: Seen) -> dict[str, list[Moment]]:
    """When each point, and each gateway under its own id, came to which conditions."""
    names = {point.number: point.id for point in seen.site.points}
    history: dict[str, list[Moment]] = {name: [] for name in names.values()}
    history |= {gateway.id: [] for gateway in seen.site.gateways}
    for event in seen.events:
        time_ns = seen.raised.get(Key(event.gateway, event.boot, event.n))
        if time_ns is not None and event.event == "condition":
            source = names[event.point] if event.point else event.gateway
            moment = Moment(seen.seconds(time_ns), event.conditions, event.mode)
            history[source].append(moment)
    for changes in history.values():
        changes.sort()
    return history


def _latency_ms(seen: Seen) -> dict[str, Any]:
    """How long it took from the journal until the desk had stored it."""
    taken = sorted(
        (seen.stored[key] - time_ns) / 1e6
        for key, time_ns in seen.raised.items()
        if key in seen.stored
    )
    enough = len(taken) >= PERCENTILES_FROM
    return {
        "p50": _percentile(taken, 50) if enough else None,
        "p99": _percentile(taken, 99) if enough else None,
        "max": round(taken[-1], 1) if taken else None,
        "n": len(taken),
    }


def _percentile(ordered: list[float], percent: int) -> float:
    return round(ordered[len(ordered) * percent // 100], 1)


def _one(values: Iterable[str]) -> str | list[str] | None:
    """Return what all say alike, the list where they differ, None where nobody said anything."""
    different = sorted(set(values))
    if len(different) > 1:
        return different
    return different[0] if different else None


def _steps(seen: Seen) -> list[tuple[int, Step]]:
    return list(enumerate(seen.scenario.steps, 1)) if seen.scenario else []


def _step(step: Step, history: Mapping[str, list[Moment]], seen: Seen) -> dict[str, Any]:
    why = judge(step, history, _sounded_s(step, seen), _answer(step, seen))
    ok: bool | None = not why
    ended_s = seen.seconds(seen.end_ns)
    if ended_s < step.at_s or (why and ended_s < step.ends_s):
        ok, why = None, words.tell("run.ended_early")
    return {"at_s": step.at_s, "say": step.say, "ok": ok, "why": why}


def _answer(step: Step, seen: Seen) -> Answer | None:
    """What the gateway answered to the step's command."""
    for event in seen.events:
        time_ns = seen.raised.get(Key(event.gateway, event.boot, event.n))
        if event.act and time_ns is not None and event.act.id == seen.given.get(step):
            return Answer(seen.seconds(time_ns), event.act.result)
    return None


def _sounded(number: int, step: Step, seen: Seen) -> dict[str, Any]:
    point, gateway = step.place(seen.site)
    after_ms = sounder_after_ms(step, _sounded_s(step, seen))
    return {"step": number, "point": point, "gateway": gateway, "after_ms": after_ms}


def _sounded_s(step: Step, seen: Seen) -> list[float]:
    _, gateway = step.place(seen.site)
    return [seen.seconds(time_ns) for time_ns in seen.sounded.get(gateway, ())]
