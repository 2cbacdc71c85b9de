"""How a terminal shows what the desk knows.

`LiveView` draws a `Picture`, or prints a line per change where there is no terminal. Colour never
stands alone: each state has a word and a shape. A number on the screen is live.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from firegrid import acts, wire, words
from firegrid.picture import DISABLED, OFFLINE, TEST, Change, Open, Picture, PointView

__all__ = ["LiveView"]

NO_VALUE = "\N{EN DASH}"
PAGE_S = 6  # how long each page of the points stays
SAID_LINES = 3
WIDE_COLUMNS = 110


class Look(NamedTuple):
    """A state's shape, the same for a terminal without such letters, and its colour."""

    shape: str
    ascii: str
    style: str


LOOKS = {
    wire.ALARM: Look("▲", "!", "bold blink red"),
    wire.PRE_ALARM: Look("△", "^", "dark_orange"),
    wire.SUPERVISORY: Look("■", "#", "yellow"),
    wire.TROUBLE: Look("⊖", "-", "yellow"),
    OFFLINE: Look("↮", "x", "yellow"),
    DISABLED: Look("⊘", "0", "yellow"),
}
TAKEN = "bold red"  # an alarm that a person has acknowledged: steady, as the gateway's lamp
GAS = Look("◆", "!", "bold blink red")  # a gas alarm: another shape than fire
NORMAL = Look("✓", "+", "green")
UNKNOWN = Look("?", "?", "dim")
PRACTICE = "blue_violet"  # a walk test or drill, never red


class LiveView:
    """Use it as a context; the picture is fed by someone else.

    `events_stored` tells the footer's number where the caller knows better than the gateways.
    """

    def __init__(
        self,
        picture: Picture,
        console: Console | None = None,
        events_stored: Callable[[], int] | None = None,
    ) -> None:
        self._picture = picture
        self._console = console or Console()
        self._events_stored = events_stored or (lambda: picture.events_stored)
        self._zone = ZoneInfo(picture.site.timezone)
        self._ascii = self._console.options.ascii_only
        self._said = ""
        self._live: Live | None = None
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(console=self._console, screen=True, get_renderable=self.frame)

    def __enter__(self) -> "LiveView":
        if self._live:
            self._live.start()
            self._picture.on_change = self._call
        else:
            self._picture.on_change = self._print
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
            self._console.print(self.frame())  # what was seen last stays readable

    def say(self, text: str) -> None:
        """Show one sentence to the person who watches."""
        self._said = text
        if not self._live:
            self._line(Text(f"» {text}"))

    def frame(self, now: float | None = None) -> Group:
        """Return the whole screen. Points give way to alarms where it is small."""
        now = time.time() if now is None else now
        with self._picture.lock:
            said = Text(self._said, "bold cyan").wrap(self._console, self._console.width)
            room = self._console.height - 3 - len(said[:SAID_LINES])  # title, counts, footer
            items = self._picture.open()
            shown, hidden = _fit(items, room)
            lines: list[RenderableType] = [self._title(now), self._counts(items, now)]
            lines += self._alarms(shown, items, now)
            lines += [self._more(hidden)] if hidden else []
            room -= len(shown) + bool(hidden)
            points = list(self._picture.points.values())
            lines += self._points(points, room, now)
            lines += self._log(room - len(points) - 1, now)
            return Group(*lines, *said[:SAID_LINES], self._footer())

    # parts of the screen

    def _title(self, now: float) -> Text:
        site = self._picture.site
        at = self._at(now)
        text = _one_line(f"{site.name}  {_clock(at)} {_offset(at)}", "bold")
        lost = self._picture.broker_lost
        if lost is not None:
            told = words.tell("view.no_broker", span=words.span(now - lost))
            text.append(f"  {told}", "bold yellow")
        if self._picture.holes:
            told = words.tell("view.holes", count=self._picture.holes)
            text.append(f"  {told}", "bold red")
        return text

    def _counts(self, items: Sequence[Open], now: float) -> Text:
        picture = self._picture
        if not items and (
            picture.broker_lost is not None or picture.online < len(picture.gateways)
        ):
            return self._told_state(UNKNOWN, words.tell("view.nothing_known"))
        if not items:
            return self._told_state(NORMAL, words.tell("view.nothing_open"))
        text = _one_line("")
        for gateway in picture.gateways.values():
            if gateway.silenced_until:
                left = words.span(gateway.silenced_until - now)
                told = words.tell("view.silenced", gateway=gateway.id, span=left)
                text.append(f"{told}   ", "bold yellow")
        for (practice, bit), count in Counter((item.practice, item.bit) for item in items).items():
            look = LOOKS.get(bit, NORMAL)
            shape, style = ("T", PRACTICE) if practice else (self._shape(look), look.style)
            text.append(f"{shape} {_word(bit)} {count}   ", style)
        return text

    def _alarms(self, shown: Sequence[Open], items: Sequence[Open], now: float) -> list[Table]:
        if not shown:
            return []
        kind = ("kind", self._kind_columns)
        state_columns = 30 if self._wide else 22
        table = _table(("state", state_columns), kind, ("place", 0), ("value", 0), ("age", 6))
        table.show_header = False
        alike = sum(item[:2] == items[0][:2] for item in items)
        for item in shown:
            point = item.point
            state = self._state(point, now)
            if item is items[0] and alike > 1:
                state.append(f" {words.tell('view.first_of', count=alike)}")
            if point.is_taken:
                state.append(f", {words.tell('view.acknowledged' if self._wide else 'view.ack')}")
            seen = point.gateway.seen if item.bit == OFFLINE else 0
            table.add_row(
                state, self._kind(point), self._where(point),
                self._why(item, now), words.span(now - (seen or item.since)),
            )  # fmt: skip
        return [table]

    def _more(self, hidden: Sequence[Open]) -> Text:
        kinds = Counter(_word(item.bit) for item in hidden)
        which = words.listed(f"{count} {word}" for word, count in kinds.items())
        return _one_line(words.tell("view.more_open", count=len(hidden), which=which), "bold")

    def _points(self, points: Sequence[PointView], room: int, now: float) -> list[RenderableType]:
        if room < 2:
            return [_more("view.more_points", len(points))] * (room == 1)
        shown, hidden = _fit(points, room - 1)
        if hidden and shown:  # turn the pages: nobody has a hand free for keys
            pages = -(-len(points) // len(shown))
            first = int(now / PAGE_S) % pages * len(shown)
            first = min(first, len(points) - len(shown))  # the last page is full, too
            shown = points[first : first + len(shown)]
        table = _table(
            ("point", 5), ("kind", self._kind_columns), ("place", 0), ("value", 10),
            ("state", 28 if self._wide else 18), ("age", 12),
        )  # fmt: skip
        for point in shown:
            table.add_row(
                str(point.number), self._kind(point), self._where(point),
                self._value(point, now), self._state(point, now), self._point_age(point, now),
            )  # fmt: skip
        more = _more("view.more", len(points) - len(shown))
        return [table, more] if hidden else [table]

    def _log(self, room: int, now: float) -> list[Text]:
        recent = list(self._picture.changes)[-(room - 1) :] if room > 1 else []
        return [_one_line("")] + [self._told(change, now) for change in recent] if recent else []

    def _footer(self) -> Text:
        picture = self._picture
        return _one_line(
            words.tell(
                "view.footer",
                online=picture.online,
                gateways=len(picture.gateways),
                stored=self._events_stored(),
                alarms=picture.alarms,
            ),
            "dim",
        )

    # words for one thing

    @property
    def _wide(self) -> bool:
        return self._console.width >= WIDE_COLUMNS

    @property
    def _kind_columns(self) -> int:
        return 18 if self._wide else 8

    def _kind(self, point: PointView) -> str:
        return words.word("kinds" if self._wide else "kinds_short", point.kind)

    def _where(self, point: PointView) -> str:
        return f"{point.id}: {point.place}" if not point.number else point.place

    def _shape(self, look: Look) -> str:
        return look.ascii if self._ascii else look.shape

    def _state(self, point: PointView, now: float) -> Text:
        """A point's condition as shape and word; never "normal" where nobody knows."""
        look, word = self._look(point, now)
        if point.mode != "live":
            return _one_line(f"T {word}, {words.mode(point.mode)}", PRACTICE)
        if point.is_taken and point.gravest == wire.ALARM:
            look = look._replace(style=TAKEN)
        return self._told_state(look, word)

    def _told_state(self, look: Look, word: str) -> Text:
        return _one_line(f"{self._shape(look)} {word}", look.style)

    def _look(self, point: PointView, now: float) -> tuple[Look, str]:
        offline = point.gateway.status == "offline"
        if offline and not point.number:
            return LOOKS[OFFLINE], _word(OFFLINE)
        if point.conditions:
            gas = point.kind == "gas" and point.gravest == wire.ALARM
            look = GAS if gas else LOOKS[point.gravest]
            told = (
                point.gravest | point.conditions & wire.TROUBLE
            )  # an ALARM implies what is below
            return look, " + ".join(words.conditions(told))
        if point.bypassed_until:
            left = words.span(point.bypassed_until - now)
            return LOOKS[DISABLED], words.tell("view.bypassed", span=left)
        if offline:
            return LOOKS[OFFLINE], words.tell("view.gateway_offline")
        return self._look_at_rest(point, now)

    def _look_at_rest(self, point: PointView, now: float) -> tuple[Look, str]:
        """Nothing stands: is that so, or does nobody know?"""
        if point.gateway.status == "unheard" or point.measured is None:
            return UNKNOWN, words.tell("view.not_heard")
        if self._picture.broker_lost is not None or self._picture.is_stale(point, now):
            return UNKNOWN, words.tell("view.unknown")
        if point.value is None:
            return UNKNOWN, words.code(point.code)
        return NORMAL, words.word("conditions", "normal")

    def _value(self, point: PointView, now: float) -> str:
        return point.text(point.value) if self._picture.is_live(point, now) else NO_VALUE

    def _point_age(self, point: PointView, now: float) -> str:
        if point.measured is None:
            return ""
        age = words.span(now - point.measured)
        fresh = self._picture.is_live(point, now) or point.value is None
        return age if fresh else words.tell("view.stale", span=age)

    def _why(self, item: Open, now: float) -> str:
        """The number behind a condition, or what broke."""
        point = item.point
        if item.bit == OFFLINE:
            seen = point.gateway.seen
            return words.tell("view.last_seen", time=self._time(seen, now)) if seen else ""
        if point.code:
            return words.code(point.code)
        limit = point.limits.get(item.bit)
        value = self._value(point, now)
        return f"{value}, {_limit(limit)}" if limit is not None else value

    # one line per change

    def _print(self, change: Change) -> None:
        if change.what != "value":
            self._line(self._told(change, None))

    def _call(self, change: Change) -> None:
        """Ring for a new alarm; what comes late is told, and never rings."""
        if change.calls:
            self._console.bell()

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)

    def _told(self, change: Change, now: float | None) -> Text:
        """A change as one line; where it is a person's business, in the colour of its state."""
        point = change.point
        time_s = self._time(change.time_s, now)
        late = f" {words.tell('view.late')}" if change.late else ""
        if change.act:
            done = acts.tell(change.act, self._picture.site, point.id, change.conditions)
            return _one_line(f"{time_s}   {point.id} {done}{late}")
        if change.what != "condition":
            return _one_line(f"{time_s}   {point.id} {words.word('news', change.what)}{late}")
        bit = next((bit for bit in wire.CONDITIONS if bit & change.conditions), None)
        look = NORMAL if bit is None else LOOKS[bit]
        practice = change.mode != "live"
        normal = words.word("conditions", "normal")
        said = [" + ".join(words.conditions(change.conditions)) or normal]
        gone = words.conditions(change.changed & ~change.conditions)
        said += [words.tell("view.gone", conditions=" + ".join(gone))] if gone else []
        said += [f"({words.mode(change.mode)})"] if practice else []
        said += [late.strip()] if late else []
        text = _one_line(f"{time_s} {'T' if practice else ' '} ")
        text.append(" ".join([self._shape(look), *said]), PRACTICE if practice else look.style)
        text.append(f"  {words.kind(point.kind)} {point.id}")
        numbers = [
            point.text(change.value),
            _limit(change.limit) if change.limit is not None else "",
            words.code(change.code),
        ]
        text.append("".join(f", {number}" for number in numbers if number))
        return text.append(f"; {point.place}", "dim")

    def _at(self, time_s: float) -> datetime:
        return datetime.fromtimestamp(time_s, self._zone)

    def _time(self, time_s: float, now: float | None) -> str:
        """A time of day at the site, with its offset unless the title already shows the same."""
        at = self._at(time_s)
        told = now is not None and at.utcoffset() == self._at(now).utcoffset()
        return _clock(at) if told else f"{_clock(at)} {_offset(at)}"


def _clock(at: datetime) -> str:
    return at.strftime("%H:%M:%S")


def _offset(at: datetime) -> str:
    return at.isoformat()[-6:]


_NO_CONDITIONS = {OFFLINE: "offline", DISABLED: "disabled", TEST: "test"}


def _word(bit: int) -> str:
    name = _NO_CONDITIONS.get(bit)
    return words.word("view", name) if name else words.conditions(bit)[0]


def _limit(limit: float) -> str:
    return words.tell("view.limit", limit=f"{limit:g}")


def _more(key: str, count: int) -> Text:
    return _one_line(words.tell(key, count=count), "dim")


def _one_line(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _table(*columns: tuple[str, int]) -> Table:
    """A table without lines; a column of width 0 takes what is left."""
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name, width in columns:
        table.add_column(
            words.word("view", name),
            width=width or None,
            ratio=None if width else 1,
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def _fit(items: Sequence[Any], room: int) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return what fits into so many lines, one kept for "… n more", and what does not."""
    fits = len(items) if len(items) <= room else max(room - 1, 0)
    return items[:fits], items[fits:]
