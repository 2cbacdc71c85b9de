"""The picture that the desk has, and what a person reads of it on a screen of any size."""

import io
import re
import threading
import time
from dataclasses import asdict, replace

import pytest
from firegrid import words
from firegrid.picture import Change, Picture
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid.site.model import Site
from firegrid.view import LOOKS, NO_VALUE, NORMAL, UNKNOWN, LiveView
from firegrid.wire import (
    ALARM,
    PRE_ALARM,
    SUPERVISORY,
    TROUBLE,
    Act,
    Event,
    Events,
    PointState,
    PointStates,
    Sample,
    Samples,
    StateHead,
    Status,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

NOW = 1_750_000_000.0
GATEWAYS = ("gw-shops", "gw-flats", "gw-power", "gw-hydrants")
SMOKE, TAILOR, GAS, LEAKAGE = 101, 102, 103, 105  # points of gw-shops
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def garden() -> Site:
    return load_site(site_path("jinshui-garden"))


class Desk:
    """A picture with everybody online, fed in short words; time is ours."""

    def __init__(self, site: Site, online: bool = True) -> None:
        self.heard: list[Change] = []
        self.picture = Picture(site, self.heard.append)
        self.site = site.id
        self.n = 0
        for gateway in GATEWAYS if online else ():
            self.status(gateway, "online")

    def status(self, gateway: str, status: str, boot: int = 3, at: float = NOW) -> None:
        self.picture.apply(Status(self.site, gateway, status, boot), at)

    def event(self, point: int, conditions: int, at: float = NOW, **changes: object) -> None:
        """An event made at `at`, when the gateway was up `at - NOW + 1000` seconds."""
        gateway = changes.pop("gateway", "gw-shops")
        now = changes.pop("now", at)
        self.n += 1
        made = Event(
            self.site, gateway, self.n, 7, 3, int(at - NOW) + 1000, 0, int(at), "desk", point,
            "live", "condition", conditions, conditions, 16.25, "mA", None, 0,
        )  # fmt: skip
        self.picture.apply(Events(self.site, gateway, (replace(made, **changes),)), now)

    def sample(self, point: int, value: float, at: float = NOW, **changes: object) -> None:
        self.n += 1
        made = Sample(
            self.site, "gw-shops", self.n, 7, 3, int(at - NOW) + 1000, 0, int(at), "desk", point,
            "live", 5, value, value, value, value, "mA",
        )  # fmt: skip
        self.picture.apply(Samples(self.site, "gw-shops", (replace(made, **changes),)), at)

    def head(self, version: int = 1, at: float = NOW, **changes: object) -> None:
        fields = {
            "version": version, "epoch": 7, "boot": 3, "up_s": int(at - NOW) + 1000,
            "time_s": int(at), "time_quality": "desk", "events_stored": 41,
            "silenced_s": 0, "first_alarm": None,
        }  # fmt: skip
        self.picture.apply(StateHead(self.site, "gw-shops", fields | changes), at)

    def states(self, *points: PointState, version: int = 1, at: float = NOW) -> None:
        self.picture.apply(PointStates(self.site, "gw-shops", version, 1, points), at)

    def screen(self, now: float = NOW, width: int = 120, height: int = 40, **more) -> str:
        """Return what a person reads."""
        console = Console(width=width, height=height, file=io.StringIO(), force_terminal=True)
        view = LiveView(self.picture, console, **more)
        with console.capture() as captured:
            console.print(view.frame(now))
        return ANSI.sub("", captured.get())

    def row(self, point: int, now: float = NOW) -> str:
        """Return the line of a point in the table of all points."""
        table = self.screen(now).partition("point kind")[2]
        return next(line for line in table.splitlines() if line.startswith(f"{point} "))

    def alarms(self, now: float = NOW) -> list[str]:
        """Return the lines above the table."""
        return self.screen(now).partition("point kind")[0].splitlines()[2:]


@pytest.fixture
def desk(garden) -> Desk:
    return Desk(garden)


def state(point: int, conditions: int = 0, value: float | None = 4.0, code: int = 0) -> PointState:
    return PointState(point, "smoke", "live", conditions, value, "mA", code)


def act(verb: str, result: str = "done", **more: object) -> dict[str, object]:
    """What makes an event an act."""
    said = {"how": "desk", "person": 0, "reason": 0, "minutes": 0, "id": 0} | more
    nothing = {"changed": 0, "value": None, "unit": ""}
    return nothing | {"event": "act", "act": Act(verb, result, **said)}


# ---- what is known ----


def test_an_alarm_is_shown_with_place_value_limit_and_how_long_it_stands(desk):
    desk.event(SMOKE, ALARM, at=NOW - 7)
    [line] = desk.alarms()
    assert line.startswith("▲ ALARM")
    assert "smoke" in line and "Noodle shop" in line
    assert "16.2 mA, limit 15" in line
    assert line.rstrip().endswith("7 s")


def test_nothing_open_is_only_said_where_it_is_known(desk):
    assert "✓ nothing open" in desk.screen()
    desk.picture.link(False, NOW)
    assert "? nothing known to be open" in desk.screen()
    desk.picture.link(True, NOW)
    desk.picture.gateways["gw-power"].status = "unheard"
    assert "? nothing known to be open" in desk.screen()


def test_a_gateway_that_was_away_before_we_came_is_offline_since_we_know(garden):
    desk = Desk(garden, online=False)
    desk.status("gw-power", "offline", at=NOW - 5)
    [line] = desk.alarms()
    assert line.startswith("↮ OFFLINE") and line.rstrip().endswith("5 s")
    assert "last seen" not in line


def test_a_gone_alarm_leaves_the_list(desk):
    desk.event(SMOKE, ALARM, at=NOW - 7)
    desk.event(SMOKE, 0, changed=ALARM, value=4.0)
    assert desk.alarms() == []
    assert "nothing open" in desk.screen()
    assert "✓ normal" in desk.row(SMOKE)


def test_a_broken_wire_is_told_in_words_a_caretaker_understands(desk):
    desk.event(TAILOR, TROUBLE, value=None, code=2)
    [line] = desk.alarms()
    assert line.startswith("⊖ TROUBLE") and "broken wire to the sensor" in line


def test_an_alarm_on_a_wire_that_then_burns_stays_an_alarm(desk):
    desk.event(SMOKE, ALARM, at=NOW - 30)
    desk.event(SMOKE, ALARM | TROUBLE, changed=TROUBLE, value=None, code=2, at=NOW - 5)
    [line] = desk.alarms()
    assert line.startswith("▲ ALARM + TROUBLE") and line.rstrip().endswith("30 s")


def test_a_value_has_the_decimals_of_its_kind_and_an_age(desk):
    desk.sample(LEAKAGE, 120.7, at=NOW - 4)
    assert re.search(r"121 mA +✓ normal +4 s", desk.row(LEAKAGE)), desk.row(LEAKAGE)


def test_a_sensor_that_warms_up_is_not_normal(desk):
    desk.head()
    desk.states(state(SMOKE, value=None, code=1))
    assert "normal" not in desk.row(SMOKE)
    assert "? sensor is warming" in desk.row(SMOKE)


def test_the_gateways_own_trouble_is_an_item(desk):
    desk.event(0, TROUBLE, value=None, code=22)
    [line] = desk.alarms()
    assert line.startswith("⊖ TROUBLE") and "gw-shops" in line and "command desk" in line


# ---- only what is live is shown as live ----


def test_a_stale_value_is_not_shown(desk):
    desk.sample(SMOKE, 4.1, at=NOW)
    assert "4.1 mA" in desk.row(SMOKE, NOW + 15)  # three intervals of 5 s
    stale = desk.row(SMOKE, NOW + 16)
    assert "4.1 mA" not in stale and NO_VALUE in stale and "stale 16 s" in stale
    assert "normal" not in stale


def test_a_gateway_that_went_offline_takes_its_values_with_it(desk):
    desk.sample(SMOKE, 4.1)
    desk.event(GAS, ALARM, value=25.0)
    desk.status("gw-shops", "offline", at=NOW + 1)
    assert "4.1 mA" not in desk.row(SMOKE, NOW + 2)
    assert "↮ gateway offline" in desk.row(SMOKE, NOW + 2)
    alarm, offline = desk.alarms(NOW + 2)
    assert alarm.startswith("◆ ALARM") and "25" not in alarm, "the alarm stays, its number goes"
    assert offline.startswith("↮ OFFLINE") and "last seen" in offline


def test_unexplained_holes_stand_in_the_title(desk):
    assert "MISSING" not in desk.screen(NOW)
    desk.picture.holes = 2
    assert "RECORDS MISSING, UNEXPLAINED: 2" in desk.screen(NOW).splitlines()[0]


def test_without_the_broker_nothing_is_live(desk):
    desk.sample(SMOKE, 4.1)
    desk.picture.link(False, NOW + 1)
    desk.picture.link(False, NOW + 2)
    assert "NO BROKER for 3 s: nothing here is live" in desk.screen(NOW + 4)
    assert "4.1 mA" not in desk.row(SMOKE, NOW + 4) and "normal" not in desk.row(SMOKE, NOW + 4)
    desk.picture.link(True, NOW + 5)
    assert "4.1 mA" in desk.row(SMOKE, NOW + 5)


def test_who_was_never_heard_is_not_normal(garden):
    screen = Desk(garden, online=False).screen()
    assert "normal" not in screen
    assert screen.count("? not heard yet") == len(garden.points)
    assert "gateways 0 of 4 online" in screen


def test_a_value_from_a_backlog_is_as_old_as_it_is(desk):
    desk.sample(SMOKE, 4.1, at=NOW - 600)
    assert "stale 10 min" in desk.row(SMOKE)


def test_without_a_clock_the_age_comes_from_the_uptime(desk):
    blind = {"time_s": None, "time_quality": "none"}
    desk.event(0, 0, event="boot", up_s=1000, **blind)
    desk.sample(SMOKE, 4.1, up_s=990, **blind)
    assert re.search(r"4.1 mA +✓ normal +10 s", desk.row(SMOKE)), desk.row(SMOKE)


def test_a_clock_that_runs_ahead_makes_nothing_newer_than_now(desk):
    desk.sample(SMOKE, 4.1, time_s=int(NOW) + 3600)
    assert re.search(r"4.1 mA +✓ normal +0 s", desk.row(SMOKE)), desk.row(SMOKE)


# ---- what came first, whatever arrives first ----


def test_an_old_event_from_the_backlog_is_news_but_changes_nothing_now(desk):
    desk.event(SMOKE, ALARM, at=NOW - 1)  # overtook
    desk.event(SMOKE, 0, changed=TROUBLE, at=NOW - 90, now=NOW)
    assert desk.alarms()[0].startswith("▲ ALARM")
    assert [change.conditions for change in desk.picture.changes][-2:] == [ALARM, 0]


def test_an_alarm_that_comes_late_is_marked_and_calls_nobody(desk):
    desk.event(SMOKE, ALARM, at=NOW - 61, now=NOW)
    desk.event(SMOKE, 0, changed=ALARM, at=NOW - 60, now=NOW)
    late, soon = desk.heard[-2:]
    assert (late.late, late.calls, soon.late) == (True, False, False)
    assert "told late" in desk.screen() and desk.picture.alarms == 0


def test_an_alarm_that_came_late_and_stands_still_calls_with_the_next_state(desk):
    desk.event(SMOKE, ALARM, at=NOW - 90, now=NOW)
    assert not desk.heard[-1].calls
    desk.head(at=NOW + 1)
    desk.states(state(SMOKE, ALARM, 16.0), at=NOW + 1)
    assert desk.heard[-1].calls
    desk.head(version=2, at=NOW + 2)
    desk.states(state(SMOKE, ALARM, 16.0), version=2, at=NOW + 2)
    assert sum(change.calls for change in desk.heard) == 1


def test_only_a_new_alarm_in_earnest_calls(desk):
    desk.event(SMOKE, ALARM)
    assert desk.heard[-1].calls
    desk.event(SMOKE, ALARM, mode="test")
    desk.event(SMOKE, ALARM, mode="drill")
    desk.event(GAS, TROUBLE)
    desk.event(SMOKE, 0, changed=ALARM)
    assert not any(change.calls for change in desk.heard[-4:])


def test_a_terminal_rings_for_a_new_alarm_and_not_for_a_late_one(garden):
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=30)
    desk = Desk(garden)
    with LiveView(desk.picture, console):
        desk.event(SMOKE, ALARM, at=NOW - 90, now=NOW)
        assert "\a" not in console.file.getvalue()
        desk.event(TAILOR, ALARM)
        assert console.file.getvalue().count("\a") == 1


def test_an_older_state_takes_no_alarm_back(desk):
    desk.event(SMOKE, ALARM, at=NOW)
    desk.head(at=NOW - 20)
    desk.states(state(SMOKE))
    assert desk.picture.alarms == 1


def test_a_state_of_the_same_second_yields_to_the_event_behind_it(desk):
    desk.head(at=NOW)
    desk.states(state(SMOKE))
    desk.event(SMOKE, ALARM, at=NOW, up_ms=700)
    assert desk.picture.alarms == 1


def test_a_state_waits_for_its_head(desk):
    desk.states(state(SMOKE, ALARM), version=5)
    assert desk.picture.alarms == 0
    desk.head(version=4)
    assert desk.picture.alarms == 0
    desk.head(version=5)
    assert desk.picture.alarms == 1


def test_who_joins_late_sees_what_stands(desk):
    desk.head(at=NOW - 10)
    desk.states(state(SMOKE, ALARM, 16.0), state(0, TROUBLE, None, 22))
    assert [change.what for change in desk.heard[-2:]] == ["condition", "condition"]
    assert "16.0 mA" in desk.alarms()[0]


def test_a_new_journal_is_heard_though_it_counts_from_the_start(desk):
    desk.event(SMOKE, 0, boot=900)
    desk.event(SMOKE, ALARM, boot=1, up_s=2, epoch=8)
    assert desk.picture.alarms == 1


def test_a_gateway_or_point_that_is_not_in_the_plan_is_shown_all_the_same(desk):
    desk.event(999, ALARM, gateway="gw-unknown")
    [line] = desk.alarms()
    assert line.startswith("▲ ALARM") and "not in the site file" in line


def test_another_site_is_none_of_our_business(desk):
    desk.picture.apply(Status("elsewhere", "gw-shops", "offline", 3), NOW)
    assert desk.picture.online == 4


# ---- the order of alarms ----


def test_the_gravest_stand_first_and_of_these_the_oldest(desk):
    desk.event(LEAKAGE, TROUBLE, at=NOW - 50, value=None, code=2)
    desk.event(401, SUPERVISORY, at=NOW - 40, gateway="gw-hydrants")
    desk.event(GAS, PRE_ALARM, at=NOW - 30)
    desk.event(SMOKE, ALARM, at=NOW - 10)
    desk.event(TAILOR, ALARM, at=NOW - 20)
    desk.status("gw-power", "offline", at=NOW - 60)
    shown = [(item.point.id, item.bit) for item in desk.picture.open()]
    assert shown == [
        ("smoke-tailor", ALARM),
        ("smoke-noodle-shop", ALARM),
        ("gas-noodle-kitchen", PRE_ALARM),
        ("hydrant-north-gate", SUPERVISORY),
        ("gw-power", 0),
        ("leakage-shop-street", TROUBLE),
    ]


def test_the_first_alarm_stays_on_top_with_the_count_beside_it(desk):
    desk.event(SMOKE, ALARM, at=NOW - 9)
    for number in (TAILOR, GAS, LEAKAGE):
        desk.event(number, ALARM, at=NOW - 5)
        first = desk.alarms()[0]
        assert "Noodle shop, dining" in first and f"1 of {len(desk.alarms())}" in first


def test_a_walk_test_is_marked_never_red_and_below_all_that_is_real(desk):
    desk.event(SMOKE, ALARM, at=NOW - 60, mode="test")
    desk.event(LEAKAGE, TROUBLE, value=None, code=2)
    real, test = desk.alarms()
    assert real.startswith("⊖ TROUBLE")
    assert test.startswith("T ALARM, walk test")
    console = Console(width=120, height=40, file=io.StringIO(), force_terminal=True)
    with console.capture() as captured:
        console.print(LiveView(desk.picture, console).frame(NOW))
    coloured = [line for line in captured.get().splitlines() if "walk test" in line]
    assert coloured and not any("31m" in line for line in coloured)


def test_no_two_states_differ_by_colour_alone():
    looks = [*LOOKS.values(), NORMAL, UNKNOWN]
    assert len({look.shape for look in looks}) == len({look.ascii for look in looks}) == len(looks)
    assert all(look.ascii.isascii() for look in looks)


# ---- screens of any size ----


@pytest.fixture(scope="module")
def crowded(garden) -> Desk:
    """30 points, 12 of them in ALARM."""
    shops = [point for point in garden.points if point.gateway == "gw-shops"]
    points = [
        replace(shops[0], number=n, id=f"smoke-{n}", place=f"Room {n}") for n in range(101, 131)
    ]
    desk = Desk(replace(garden, points=tuple(points)))
    for n in range(101, 113):
        desk.event(n, ALARM, at=NOW - 200 + n)
    return desk


def test_on_80_by_24_all_twelve_alarms_are_seen_and_the_points_give_way(crowded):
    lines = crowded.screen(width=80, height=24).splitlines()
    assert len(lines) <= 24
    assert max(map(cell_len, lines)) <= 80
    alarms = [line for line in lines if line.startswith("▲ ALARM") and "Room" in line]
    assert [re.search(r"Room (\d+)", line)[1] for line in alarms] == [
        str(n) for n in range(101, 113)
    ]
    assert re.search(r"… \d+ more", "\n".join(lines))
    assert "alarms open 12" in lines[-1]
    assert "ALARM 12" in lines[1]


def test_where_even_the_alarms_do_not_fit_the_gravest_stay_and_the_rest_is_counted(crowded):
    lines = crowded.screen(width=80, height=12).splitlines()
    assert len(lines) <= 12
    shown = [line for line in lines if line.startswith("▲ ALARM") and "Room" in line]
    assert "Room 101" in shown[0]
    [more] = [line for line in lines if "more" in line]
    assert more == f"… {12 - len(shown)} more: {12 - len(shown)} ALARM"


def test_every_point_has_its_turn(crowded):
    seen = set()
    for page in range(60):
        table = crowded.screen(NOW + 6 * page, 80, 24).partition("point kind")[2]
        seen |= set(re.findall(r"^(\d+) ", table, re.MULTILINE))
    assert seen == {str(n) for n in range(101, 131)}


def test_a_tall_screen_shows_the_last_changes_too(desk):
    desk.event(SMOKE, ALARM)
    assert "smoke-noodle-shop" in desk.screen(height=60)


def test_the_footer_counts(desk):
    desk.head()
    assert "gateways 4 of 4 online · events stored 41 · alarms open 0" in desk.screen()
    assert "events stored 99" in desk.screen(events_stored=lambda: 99)


def test_a_long_sentence_is_wrapped_and_the_screen_still_holds_it(crowded):
    console = Console(width=80, height=24, file=io.StringIO(), force_terminal=True)
    view = LiveView(crowded.picture, console)
    view.say("What happened and what to try next. " * 5)
    with console.capture() as captured:
        console.print(view.frame(NOW))
    lines = ANSI.sub("", captured.get()).splitlines()
    assert len(lines) <= 24
    assert "".join(lines).count("What happened") == 5


# ---- in Chinese ----


def test_in_chinese_80_by_24_is_held_and_no_column_breaks(garden):
    words.use("zh")
    desk = Desk(garden)
    desk.event(SMOKE, ALARM, at=NOW - 3600)
    desk.event(GAS, PRE_ALARM, at=NOW - 90000)
    desk.event(LEAKAGE, ALARM | TROUBLE, value=None, code=2, at=NOW - 7)
    desk.event(401, SUPERVISORY, gateway="gw-hydrants", value=120.0, unit="kPa")
    desk.sample(TAILOR, 4.1)
    desk.status("gw-power", "offline", at=NOW - 60)
    lines = desk.screen(width=80, height=24).splitlines()
    assert len(lines) <= 24
    assert max(map(cell_len, lines)) <= 80
    head = next(n for n, line in enumerate(lines) if line.startswith("点号"))
    columns = [cell_len(lines[head][: lines[head].index(title)])
               for title in ("点号", "类别", "位置", "数值", "状态", "多久前")]  # fmt: skip
    for line in lines[head + 1 : -1]:
        if re.match(r"\d", line):
            for column in columns[1:]:
                starts = cut(line, column)
                assert starts[0].endswith(" ") and (starts[1][0] != " " or starts[1].isspace())
    assert "ALARM" not in "\n".join(lines) and "offline" not in "\n".join(lines)
    assert lines[-1].startswith("网关在线 3/4 · 已存事件 ")


def cut(line: str, cells: int) -> tuple[str, str]:
    """Cut a line where it is so many cells wide; fails in the middle of a wide letter."""
    at = next(n for n in range(len(line) + 1) if cell_len(line[:n]) >= cells)
    assert cell_len(line[:at]) == cells
    return line[:at], line[at:]


def test_in_chinese_states_values_and_ages_are_told_whole(garden):
    words.use("zh")
    desk = Desk(garden)
    desk.event(SMOKE, ALARM, at=NOW - 3600)
    desk.sample(TAILOR, 4.1, at=NOW - 600)
    text = desk.screen(width=80, height=40)
    assert re.search(r"▲ 报警 +感烟 .* 60 分", text)
    assert re.search(r"^102 +感烟 .* – +\? 未知 +已过时 10 分", text, re.MULTILINE)


def test_in_chinese_a_change_is_one_line(garden):
    words.use("zh")
    desk = Desk(garden)
    view, file = plain(desk)
    with view:
        desk.event(SMOKE, 0, changed=ALARM, value=4.0)
        desk.event(0, 0, event="boot")
    gone, boot = file.getvalue().splitlines()
    assert "✓ 正常 （报警已消除）  感烟 smoke-noodle-shop, 4.0 mA" in gone
    assert boot.endswith("gw-shops 已启动")


points = st.sampled_from([0, 101, 102, 103, 105, 999])
happenings = st.one_of(
    st.tuples(st.just("event"), points, st.integers(0, 15), st.integers(-300, 0)),
    st.tuples(st.just("sample"), points.filter(bool), st.floats(-1e6, 1e6), st.integers(-300, 0)),
    st.tuples(
        st.just("status"), st.sampled_from(GATEWAYS), st.sampled_from(["online", "offline"])
    ),
    st.tuples(st.just("link"), st.booleans()),
)


@pytest.mark.parametrize("language", words.LANGUAGES)
@given(st.lists(happenings, max_size=20), st.integers(20, 200), st.integers(5, 60))
@settings(max_examples=60, deadline=None)
def test_whatever_happens_the_screen_holds_it(language, garden, happenings, width, height):
    words.use(language)
    desk = Desk(garden)
    for what, *rest in happenings:
        if what == "event":
            desk.event(rest[0], rest[1], at=NOW + rest[2], now=NOW)
        elif what == "sample":
            desk.sample(rest[0], rest[1], at=NOW + rest[2])
        elif what == "status":
            desk.status(*rest)
        else:
            desk.picture.link(rest[0], NOW)
    lines = desk.screen(NOW + 1, width, height).splitlines()
    assert len(lines) <= height
    assert max(map(cell_len, lines)) <= width
    ranks = [item[:3] for item in desk.picture.open()]
    assert ranks == sorted(ranks)


# ---- without a terminal ----


def plain(desk: Desk, **console: object) -> tuple[LiveView, io.StringIO]:
    file = io.StringIO()
    return LiveView(desk.picture, Console(file=file, **console)), file


def test_without_a_terminal_each_change_is_one_line_without_colour(desk):
    view, file = plain(desk)
    with view:
        view.say("here we go")
        desk.event(SMOKE, ALARM, limit=15.0)
        desk.sample(SMOKE, 4.1)
        desk.event(SMOKE, 0, changed=ALARM, value=4.0)
        desk.event(0, 0, event="boot")
        desk.status("gw-flats", "offline")
    said = file.getvalue().splitlines()
    assert "\x1b" not in file.getvalue()
    assert said[0] == "» here we go"
    texts = [line.partition(" +08:00 ")[2].strip() for line in said[1:]]
    assert texts[0].startswith("▲ ALARM  smoke smoke-noodle-shop, 16.2 mA, limit 15; Noodle shop")
    assert texts[1].startswith("✓ normal (ALARM gone)  smoke smoke-noodle-shop, 4.0 mA; Noodle")
    assert texts[2:] == ["gw-shops has started", "gw-flats is offline"]


def test_times_are_the_sites_own(desk):
    view, file = plain(desk)
    with view:
        desk.event(SMOKE, ALARM)
    assert file.getvalue().startswith("23:06:40 +08:00 "), "Asia/Shanghai"
    assert "23:06:40 +08:00" in desk.screen().splitlines()[0]


SUMMER_ENDS = 1_729_990_800.0  # 2024-10-27T01:00:00Z: 03:00 becomes 02:00 in Vienna


def test_the_hour_that_comes_twice_is_told_apart_by_its_offset(garden):
    desk = Desk(replace(garden, timezone="Europe/Vienna"))
    view, file = plain(desk)
    with view:
        for at in (SUMMER_ENDS - 60, SUMMER_ENDS + 3540):
            desk.event(SMOKE, ALARM, at=at, up_s=1, n=int(at))
    first, second = (line[:15] for line in file.getvalue().splitlines())
    assert first == "02:59:00 +02:00"
    assert second == "02:59:00 +01:00"


def test_on_the_screen_an_offset_is_told_once_unless_it_was_another_one(garden):
    desk = Desk(replace(garden, timezone="Europe/Vienna"))
    desk.event(SMOKE, ALARM, at=SUMMER_ENDS - 60, up_s=1)
    desk.event(TAILOR, ALARM, at=SUMMER_ENDS + 60, up_s=121)
    title, *rest = desk.screen(SUMMER_ENDS + 90, height=60).splitlines()
    assert "02:01:30 +01:00" in title
    [before] = [line for line in rest if "ALARM  smoke smoke-noodle-shop" in line]
    [after] = [line for line in rest if "ALARM  smoke smoke-tailor" in line]
    assert before.startswith("02:59:00 +02:00 ")
    assert after.startswith("02:01:00   ")


def test_for_programs_time_is_unix_time_whatever_the_site_uses(garden):
    desk = Desk(replace(garden, timezone="Europe/Vienna"))
    desk.event(SMOKE, ALARM, at=SUMMER_ENDS, up_s=1)
    assert desk.heard[-1].row(desk.picture.site)["time_s"] == SUMMER_ENDS


def test_a_long_line_is_not_cut_in_a_file(desk):
    view, file = plain(desk, width=40)
    with view:
        desk.event(SMOKE, ALARM)
    [line] = file.getvalue().splitlines()
    assert line.endswith("Grid 1: Shop Street East (商业街东)")


def test_no_color_is_honoured_and_the_words_remain(desk, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    desk.event(SMOKE, ALARM)
    console = Console(width=80, height=24, file=io.StringIO(), force_terminal=True)
    with console.capture() as captured:
        console.print(LiveView(desk.picture, console).frame(NOW))
    codes = {code for found in re.findall(r"\x1b\[([0-9;]*)m", captured.get())
             for code in found.split(";")}  # fmt: skip
    assert not {code for code in codes if code[:1] in "349" and len(code) > 1}, codes
    assert "▲ ALARM" in ANSI.sub("", captured.get())


def test_a_terminal_without_such_letters_gets_ascii_shapes(desk):
    class Old(io.StringIO):
        encoding = "ascii"

    desk.event(SMOKE, ALARM)
    console = Console(width=80, height=24, file=Old(), force_terminal=True)
    with console.capture() as captured:
        console.print(LiveView(desk.picture, console).frame(NOW))
    assert "! ALARM" in ANSI.sub("", captured.get())


def test_a_dumb_terminal_gets_lines(desk, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    view, file = plain(desk, force_terminal=True)
    with view:
        desk.event(SMOKE, ALARM)
    assert file.getvalue().count("\n") == 1


# ---- on a terminal ----


def test_on_a_terminal_the_last_picture_stays_readable_after_the_end(desk):
    file = io.StringIO()
    console = Console(width=80, height=24, file=file, force_terminal=True)
    with LiveView(desk.picture, console) as view:
        view.say("watch this")
        desk.event(SMOKE, ALARM, at=time.time())
    before, left, after = file.getvalue().rpartition("\x1b[?1049l")
    assert left and "\x1b[?1049h" in before, "the screen of its own was entered and left"
    assert "▲ ALARM" in ANSI.sub("", after) and "watch this" in after


def test_feeding_and_drawing_at_once_do_not_disturb_each_other(desk):
    console = Console(width=80, height=24, file=io.StringIO(), force_terminal=True)
    view = LiveView(desk.picture, console)
    failed = []

    def draw() -> None:
        try:
            for _ in range(60):
                console.render_lines(view.frame(NOW))
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=draw)
    thread.start()
    n = 0
    while thread.is_alive():
        n += 1
        desk.event(1000 + n % 500, ALARM)
    thread.join()
    assert failed == [] and n > 10


# ---- for programs ----


def test_a_change_tells_a_program_everything(desk):
    desk.event(SMOKE, ALARM | TROUBLE, value=None, code=2, changed=TROUBLE, limit=None)
    row = desk.heard[-1].row(desk.picture.site)
    place = row.pop("place")
    assert place == "Noodle shop, dining room (面馆大厅), Grid 1: Shop Street East (商业街东)"
    assert row == {
        "time_s": NOW,
        "what": "condition",
        "late": False,
        "gateway": "gw-shops",
        "point": 101,
        "id": "smoke-noodle-shop",
        "kind": "smoke",
        "mode": "live",
        "conditions": ["ALARM", "TROUBLE"],
        "changed": ["TROUBLE"],
        "value": None,
        "unit": "mA",
        "limit": None,
        "code": "open",
        "act": None,
    }


def test_values_are_heard_but_only_news_is_kept(desk):
    kept = len(desk.picture.changes)
    desk.sample(SMOKE, 4.1)
    assert [change.what for change in desk.heard][-1] == "value"
    assert desk.heard[-1].value == 4.1
    assert len(desk.picture.changes) == kept
    assert asdict(desk.picture.points["gw-shops", SMOKE])["value"] == 4.1


# ---- what people do ----


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            act("bypass", person=7, minutes=240, reason=2),
            "bypassed by leader-04 for 4 h: cleaning",
        ),
        (
            act("reset", "refused", person=2),
            "reset refused by member-01: smoke-tailor still in ALARM",
        ),
        (act("silence", how="button", minutes=10), "sounder silenced at the button for 10 min"),
        (act("walk_test", "ended", how="itself"), "walk test ended by itself"),
        (act("drill", how="console", minutes=1), "drill begun at the console for 60 s"),
        (
            act("self_test", "expired", person=900),
            "too late: self-test by 900",
        ),
        (act("acknowledge"), "acknowledged from the desk"),
    ],
)
def test_the_log_tells_who_did_what_for_how_long_and_why(desk, said, told):
    desk.event(TAILOR, ALARM)
    desk.event(TAILOR, 0, **said)
    assert f"smoke-tailor {told}" in " ".join(desk.screen(height=60).split())


def test_an_act_is_told_in_chinese(desk):
    words.use("zh")
    try:
        desk.event(TAILOR, 0, **act("bypass", person=7, minutes=240, reason=2))
        assert "smoke-tailor leader-04：已屏蔽，时长 4 时：清洁" in desk.screen(height=60)
    finally:
        words.use("en")


def test_an_act_changes_no_condition_and_a_program_hears_its_names(desk):
    desk.event(SMOKE, ALARM)
    desk.event(SMOKE, 0, **act("acknowledge", person=7, id=5))
    assert desk.picture.points["gw-shops", SMOKE].conditions == ALARM
    row = desk.heard[-1].row(desk.picture.site)
    assert row["what"] == "act"
    assert row["act"] == {
        "verb": "acknowledge", "result": "done", "how": "desk", "person": "leader-04",
        "reason": None, "minutes": 0, "command": 5,
    }  # fmt: skip


def test_an_alarm_that_is_taken_says_so_until_it_comes_again(desk):
    desk.event(SMOKE, ALARM)
    assert "acknowledged" not in desk.alarms()[0]
    desk.event(SMOKE, 0, **act("acknowledge"))
    assert "▲ ALARM, acknowledged" in desk.alarms()[0]
    desk.event(SMOKE, ALARM | TROUBLE, at=NOW + 1, changed=TROUBLE)
    assert "acknowledged" not in desk.alarms()[0]
    desk.event(SMOKE, 0, at=NOW + 2, changed=ALARM | TROUBLE)
    desk.event(SMOKE, ALARM, at=NOW + 3)
    assert "acknowledged" not in desk.alarms()[0]


def test_a_bypass_is_shown_below_troubles_with_the_time_that_is_left(desk):
    desk.event(TAILOR, 0, **act("bypass", minutes=240))
    desk.event(GAS, TROUBLE, value=None, code=2)
    assert [line.split()[1] for line in desk.alarms()] == ["TROUBLE", "bypassed,"]
    assert "⊘ bypassed, 4 h left" in desk.row(TAILOR)
    assert "DISABLED 1" in desk.screen()
    assert desk.alarms(now=NOW + 9000)[1].split()[-2:] == ["2", "h"]  # for how long already
    assert "bypassed, 90 min left" in desk.row(TAILOR, now=NOW + 9000)
    desk.event(TAILOR, 0, at=NOW + 9001, **act("bypass", "ended"))
    assert "bypassed" not in desk.row(TAILOR, now=NOW + 9001)


def test_a_refused_bypass_bypasses_nothing(desk):
    desk.event(TAILOR, 0, **act("bypass", "refused", minutes=240))
    assert desk.alarms() == []


def test_the_state_says_what_is_bypassed_taken_and_silenced(desk):
    desk.head(silenced_s=300)
    desk.states(
        replace(state(TAILOR), bypassed_s=7200),
        replace(state(SMOKE, ALARM), acknowledged=ALARM),
    )
    assert "gw-shops: sounder silenced, 5 min left" in desk.screen()
    assert "▲ ALARM, acknowledged" in desk.alarms()[0]
    assert "bypassed, 2 h left" in desk.alarms()[1]
    desk.head(version=2, at=NOW + 1)
    desk.states(state(TAILOR), state(SMOKE), version=2, at=NOW + 1)
    assert desk.alarms() == []
    assert "silenced" not in desk.screen()


def test_of_alarms_that_a_state_brings_the_first_one_stands_on_top(desk):
    for first, second in ((TAILOR, SMOKE), (SMOKE, TAILOR)):
        desk.head(first_alarm=first)
        desk.states(state(SMOKE, ALARM), state(TAILOR, ALARM))
        assert [item.point.number for item in desk.picture.open()] == [first, second]
    assert "1 of 2" in desk.alarms()[0]


def test_a_point_in_a_walk_test_stands_last_and_is_marked(desk):
    desk.head()
    desk.states(replace(state(SMOKE), mode="test"), replace(state(TAILOR), bypassed_s=60))
    assert [item.point.number for item in desk.picture.open()] == [TAILOR, SMOKE]
    assert "T normal, walk test" in desk.alarms()[1]
    assert desk.alarms(now=NOW + 7)[1].rstrip().endswith(" 7 s")
    assert "T TEST 1" in desk.screen()
