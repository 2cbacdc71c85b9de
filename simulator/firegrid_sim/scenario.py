"""A scenario: what happens to a community, step by step, and what must be seen because of it.

A file of it is TOML, described in docs/schemas/scenario.schema.json. `load_scenario` refuses it
whole with every mistake named; `Player` makes it happen to a `World`; `judge` compares a step with
what was seen.
"""

import heapq
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from firegrid import tables, words
from firegrid.errors import FiregridError
from firegrid.orders import Order, fault
from firegrid.site.fields import Fields, Problems, nearest
from firegrid.site.model import Site
from firegrid.tables import Figure
from firegrid.wire import CONDITIONS, MODES

from firegrid_sim.electrical import FAULTS, sensor_for

FORMAT = 1
LAST_S = 86400
SOUNDER_S = 10.0  # where no expectation of the step says how long an alarm may take

_BITS = {word: bit for bit, word in CONDITIONS.items()}
_NUMBER_MAX = 1e9
_RAMP_STEP_S = 0.1
# How long a press lasts: on release shorter than 1 s acknowledges and longer silences; 5 s reset.
PRESSES = {"acknowledge": 0.4, "silence": 2.0, "reset": 6.0}
ANSWER_S = 5.0  # how long a gateway may take to answer a command
_POWER_OFF_S = 1.0
_MINUTES_MAX = int(max(figure.high for figure in tables.verb_minutes().values()))
_EARLY_S = 0.05  # a step is carried out at the next look at the clock, not before


class World(Protocol):
    """What a scenario can do to the simulated community."""

    def value(self, point: str, signal: str) -> float:
        """Return what the signal of a point's sensor is now."""

    def drive(self, point: str, signal: str, value: float) -> None:
        """Drive a point's sensor."""

    def set_fault(self, point: str, fault: str | None) -> None:
        """Break a point's sensor, or mend it."""

    def set_link(self, gateway: str, up: bool) -> None:
        """Take a gateway's network away, or give it back."""

    def press(self, gateway: str, down: bool) -> None:
        """Press the gateway's button, or let go of it."""

    def cut_power(self, gateway: str, off_s: float) -> None:
        """Take a gateway's power away for a while."""


@dataclass(frozen=True, slots=True)
class Drive:
    """A sensor's signal takes a value, at once or evenly over a time."""

    point: str
    signal: str
    value: float
    over_s: float


@dataclass(frozen=True, slots=True)
class Break:
    """A sensor or its wire breaks, for a time or for good (None)."""

    point: str
    fault: str
    for_s: float | None


@dataclass(frozen=True, slots=True)
class LoseLink:
    """A gateway loses its network, for a time or for good (None)."""

    gateway: str
    for_s: float | None


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody presses the button of a gateway, as long as it takes for what they want."""

    gateway: str
    what: str = "reset"


@dataclass(frozen=True, slots=True)
class CutPower:
    """A gateway's power goes away for a time."""

    gateway: str
    for_s: float


Action = Drive | Break | LoseLink | Press | CutPower | Order


@dataclass(frozen=True, slots=True)
class Expect:
    """Within a time from the step, a point or a gateway has just these conditions."""

    source: str
    conditions: int
    within_s: float
    mode: str = "live"


class Moment(NamedTuple):
    """When a point or gateway came to which conditions, in which mode."""

    at_s: float
    conditions: int
    mode: str = "live"


class Answer(NamedTuple):
    """What a gateway answered to a command, and when."""

    at_s: float
    result: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens, and what must be seen because of it."""

    at_s: float
    say: str
    action: Action
    expect: tuple[Expect, ...]
    sounder: bool
    result: str = ""  # of the command, as the gateway must answer it; "": any

    @property
    def ends_s(self) -> float:
        """When everything that is expected must have been seen."""
        sounder_s = _sounder_limit_s(self) if self.sounder else 0
        answer_s = ANSWER_S if self.result else 0
        return self.at_s + max([sounder_s, answer_s, *(expect.within_s for expect in self.expect)])

    def place(self, site: Site) -> tuple[str | None, str]:
        """Return the point, if it is about one, and the gateway."""
        if isinstance(self.action, Drive | Break):
            return self.action.point, site.point(self.action.point).gateway
        if isinstance(self.action, Order):
            return self.action.point or None, self.action.gateway
        return None, self.action.gateway


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario, its steps in the order of time."""

    path: Path
    title: str
    steps: tuple[Step, ...]


def load_scenario(path: Path | str, site: Site) -> Scenario:
    """Return the scenario of a file, checked against the site that it is meant for."""
    path = Path(path)
    row = _parse(path)
    problems = Problems(path)
    fields = Fields(row, "", problems)
    title = fields.text("title", path.stem)
    steps = [
        _Reader(row, n, site, problems).step() for n, row in enumerate(fields.tables("step"), 1)
    ]
    fields.end()
    if not steps and not problems.lines:
        problems.add("", "", "holds no [[step]]; write at least one")
    if problems.lines:
        raise FiregridError("\n".join(problems.lines))
    return Scenario(path, title, tuple(sorted(steps, key=lambda step: step.at_s)))


def _parse(path: Path) -> dict[str, Any]:
    try:
        row = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FiregridError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise FiregridError(f"{path}: is not UTF-8 text", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise FiregridError(f"{path}: this is not TOML: {error}") from None
    found = row.pop("format", None)
    if found != FORMAT or isinstance(found, bool):
        raise FiregridError(
            f"{path}: format: {'is missing' if found is None else f'{found} is unknown'}",
            f"this firegrid reads format {FORMAT}",
        )
    return row


class _Reader:
    """Reads one [[step]]; what is wrong is noted, and a stand-in goes on."""

    def __init__(
        self, row: Mapping[str, Any], number: int, site: Site, problems: Problems
    ) -> None:
        self._row = row
        self._site = site
        self._points = [point.id for point in site.points]
        self._gateways = [gateway.id for gateway in site.gateways]
        self._fields = Fields(row, f"step {number}", problems)

    def step(self) -> Step:
        fields = self._fields
        step = Step(
            at_s=self._number("at_s", 0, LAST_S, "s"),
            say=fields.text("say"),
            action=self._action(),
            expect=tuple(self._expect(row, n) for n, row in enumerate(_rows(fields), 1)),
            sounder=self._flag("sounder"),
            result=self._result(),
        )
        fields.end()
        return step

    def _result(self) -> str:
        if "expect_result" not in self._row:
            return ""
        if "command" not in self._row:
            self._fields.refuse("expect_result", "is the answer to a command; there is none here")
        return self._fields.choice("expect_result", list(tables.results().values()))

    def _action(self) -> Action:
        fields = self._fields
        what = [key for key in _ACTIONS if key in self._row]
        if len(what) == 1:
            return _ACTIONS[what[0]](self)
        found = " and ".join(what) or "none"
        fields.problem("", f"needs one of {', '.join(_ACTIONS)}; it has {found}")
        for key in self._row:
            fields.take(key, None)  # nobody can tell which of the others belong there
        return Press("")

    def _drive(self) -> Drive:
        drive = Drive(
            point=self._fields.choice("point", self._points),
            signal=self._fields.text("signal"),
            value=self._number("value", -_NUMBER_MAX, _NUMBER_MAX),
            over_s=self._number("over_s", 0, LAST_S, "s", 0.0),
        )
        self._check_signal(drive)
        return drive

    def _check_signal(self, drive: Drive) -> None:
        if not drive.point or not drive.signal:
            return
        sensor = sensor_for(self._site.point(drive.point))
        key = "signal"
        try:
            sensor.known(drive.signal)
            key = "value"
            sensor.check(drive.signal, drive.value)
        except FiregridError as error:
            self._fields.problem(key, str(error))

    def _break(self) -> Break:
        return Break(
            point=self._fields.choice("point", self._points),
            fault=self._fields.choice("fault", FAULTS),
            for_s=self._for_s(),
        )

    def _lose_link(self) -> LoseLink:
        self._fields.choice("link", ("lost",))
        return LoseLink(self._fields.choice("gateway", self._gateways), self._for_s())

    def _press(self) -> Press:
        what = self._fields.choice("press", PRESSES)
        return Press(self._fields.choice("gateway", self._gateways), what)

    def _command(self) -> Order:
        row = self._fields.take("command")
        if not isinstance(row, dict):
            self._fields.problem("command", 'is not a table; write { verb = "reset", by = … }')
            return Order("", "", "")
        fields = Fields(row, f"{self._fields.where}: command", self._fields.problems)
        order = self._order(fields, row)
        fields.end()
        if order.gateway and order.verb and (why := fault(order, self._site)):
            fields.problem("", why)
        return order

    def _order(self, fields: Fields, row: Mapping[str, Any]) -> Order:
        point = fields.choice("point", self._points, "") if "point" in row else ""
        if "point" in row:
            gateway = self._site.point(point).gateway if point else ""
        else:
            gateway = self._fields.choice("gateway", self._gateways)
        return Order(
            gateway=gateway,
            verb=fields.choice("verb", list(tables.verbs().values())),
            by=fields.choice("by", [person.id for person in self._site.people]),
            point=point,
            minutes=fields.count("minutes", 0, _MINUTES_MAX, None),
            reason=fields.choice("reason", list(tables.reasons().values()), ""),
        )

    def _cut_power(self) -> CutPower:
        self._fields.choice("power", ("cut",))
        gateway = self._fields.choice("gateway", self._gateways)
        return CutPower(gateway, self._number("for_s", 0.1, LAST_S, "s", _POWER_OFF_S))

    def _for_s(self) -> float | None:
        return self._number("for_s", 0.1, LAST_S, "s") if "for_s" in self._row else None

    def _flag(self, key: str) -> bool:
        value = self._fields.take(key, False)
        if not isinstance(value, bool):
            self._fields.problem(key, f"{value!r} is neither true nor false")
        return value is True

    def _number(
        self, key: str, low: float, high: float, unit: str = "", default: float | None = None
    ) -> float:
        return _number(self._fields, key, Figure(default or low, low, high), unit, default is None)

    def _expect(self, row: Mapping[str, Any], number: int) -> Expect:
        fields = Fields(row, f"{self._fields.where}: expect {number}", self._fields.problems)
        if "point" in row:
            source = fields.choice("point", self._points)
        elif "gateway" in row:
            source = fields.choice("gateway", self._gateways)
        else:
            source = ""
            fields.problem("", "names neither a point nor a gateway")
        expect = Expect(
            source=source,
            conditions=_conditions(fields),
            within_s=_number(fields, "within_s", Figure(0, 0, LAST_S), "s", True),
            mode=fields.choice("mode", MODES, "live"),
        )
        fields.end()
        return expect


_ACTIONS: dict[str, Callable[[_Reader], Action]] = {
    "signal": _Reader._drive,
    "fault": _Reader._break,
    "link": _Reader._lose_link,
    "press": _Reader._press,
    "power": _Reader._cut_power,
    "command": _Reader._command,
}


def _rows(fields: Fields) -> list[dict[str, Any]]:
    rows = fields.take("expect", [])
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    fields.problem("expect", "is not a list of tables; write [{ point = …, conditions = … }]")
    return []


def _conditions(fields: Fields) -> int:
    given = fields.take("conditions")
    if not isinstance(given, list):
        if given is not None:
            fields.problem("conditions", 'is not a list; write ["ALARM"], or [] for normal')
        return 0
    bits = 0
    for word in given:
        if word not in _BITS:
            fields.problem("conditions", f'"{word}" is unknown; {nearest(str(word), _BITS)}')
        bits |= _BITS.get(word, 0)
    return bits


def _number(fields: Fields, key: str, figure: Figure, unit: str, required: bool) -> float:
    if required and fields.take(key) is None:
        return figure.default
    return float(fields.amount(key, figure, unit))


class Player:
    """Makes the steps happen; call `advance` often with the seconds since the start."""

    def __init__(
        self,
        scenario: Scenario,
        world: World,
        say: Callable[[str], None],
        give: Callable[[Step, Order], None],
    ) -> None:
        self._world = world
        self._say = say
        self._give = give  # hands an order to the desk
        self._order = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        for step in scenario.steps:
            self._at(step.at_s, partial(self._do, step))

    @property
    def over(self) -> bool:
        """Whether nothing is left to happen."""
        return not self._due

    def advance(self, now_s: float) -> None:
        """Do everything that is due by now."""
        while self._due and self._due[0][0] <= now_s:
            heapq.heappop(self._due)[2]()

    def _at(self, at_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (at_s, next(self._order), act))

    def _do(self, step: Step) -> None:
        world, at_s = self._world, step.at_s
        self._say(words.tell("run.step", at=f"{at_s:g}", say=step.say))
        match step.action:
            case Drive():
                self._drive(at_s, step.action)
            case Break(point, fault, for_s):
                world.set_fault(point, fault)
                self._end(at_s, for_s, partial(world.set_fault, point, None))
            case LoseLink(gateway, for_s):
                world.set_link(gateway, False)
                self._end(at_s, for_s, partial(world.set_link, gateway, True))
            case Press(gateway, what):
                world.press(gateway, True)
                self._end(at_s, PRESSES[what], partial(world.press, gateway, False))
            case Order():
                self._give(step, step.action)
            case CutPower(gateway, off_s):
                world.cut_power(gateway, off_s)

    def _end(self, at_s: float, for_s: float | None, act: Callable[[], None]) -> None:
        if for_s is not None:
            self._at(at_s + for_s, act)

    def _drive(self, at_s: float, drive: Drive) -> None:
        begin = self._world.value(drive.point, drive.signal)
        steps = max(1, round(drive.over_s / _RAMP_STEP_S))
        for n in range(1, steps + 1):
            value = begin + (drive.value - begin) * n / steps
            act = partial(self._world.drive, drive.point, drive.signal, value)
            self._at(at_s + drive.over_s * n / steps, act)


def judge(
    step: Step,
    history: Mapping[str, Sequence[Moment]],
    sounded_s: Collection[float],
    answer: Answer | None = None,
) -> str:
    """Return what of a step was not seen, or "".

    `history` tells when each source came to which conditions, `sounded_s` when the sounder of the
    step's gateway began to sound, `answer` what came of the step's command.
    """
    missing = [_not_seen(step, expect, history.get(expect.source, ())) for expect in step.expect]
    if step.sounder and sounder_after_ms(step, sounded_s) is None:
        missing.append(words.tell("run.silent", within=f"{_sounder_limit_s(step):g}"))
    if step.result:
        missing.append(_not_answered(step, answer))
    return "; ".join(filter(None, missing))


def _not_answered(step: Step, answer: Answer | None) -> str:
    if answer is None or answer.at_s > step.at_s + ANSWER_S:
        return words.tell("run.no_answer", within=f"{ANSWER_S:g}")
    if answer.result != step.result:
        return words.tell("run.other_answer", seen=answer.result, expected=step.result)
    return ""


def sounder_after_ms(step: Step, sounded_s: Collection[float]) -> int | None:
    """Return how long after the step the sounder began, None where it did not in time."""
    after = [at_s - step.at_s for at_s in sounded_s if at_s >= step.at_s - _EARLY_S]
    first_s = min(after, default=None)
    if first_s is None or first_s > _sounder_limit_s(step):
        return None
    return round(1000 * first_s)


def _sounder_limit_s(step: Step) -> float:
    alarms = [expect.within_s for expect in step.expect if expect.conditions & _BITS["ALARM"]]
    return max(alarms, default=SOUNDER_S)


def _not_seen(step: Step, expect: Expect, history: Sequence[Moment]) -> str:
    seen = [
        moment
        for moment in history
        if step.at_s - _EARLY_S <= moment.at_s <= step.at_s + expect.within_s
    ]
    wanted = (expect.conditions, expect.mode)
    if any(moment[1:] == wanted for moment in seen):
        return ""
    came = [
        words.tell("run.came", conditions=_words(*moment[1:]), at=f"{moment.at_s:.1f}")
        for moment in seen
    ]
    return words.tell(
        "run.not_seen",
        source=expect.source,
        conditions=_words(*wanted),
        within=f"{expect.within_s:g}",
        seen=", ".join(came) or words.tell("run.no_change"),
    )


def _words(bits: int, mode: str) -> str:
    told = " + ".join(words.conditions(bits)) or words.word("conditions", "normal")
    return told if mode == "live" else f"{told} ({words.mode(mode)})"
