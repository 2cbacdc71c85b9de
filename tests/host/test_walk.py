"""What a walk test makes of what it hears, without a gateway."""

import json

import jsonschema
import pytest
from firegrid import resources, wire
from firegrid.acceptance.area import points_of
from firegrid.acceptance.results import Results, newest
from firegrid.acceptance.walk import Walk
from firegrid.errors import FiregridError
from firegrid.orders import Clerk
from firegrid.site.load import load_site

SITE = load_site(resources.checkout() / "tests" / "sim" / "sites" / "walk.toml")
GATEWAY, SMOKE, LEAKAGE = "gw-gate", 101, 102
BEGUN_S = 1_800_000_000.0  # our time at the gateway's uptime 0
FINDING = json.loads((resources.schemas_dir() / "walktest-finding.schema.json").read_text())


class Tour:
    """A walk through gw-gate, in which every message takes `late_s`."""

    def __init__(self, folder, late_s=0.02, areas=(GATEWAY,)):
        self.said = []
        self.results = Results(folder, SITE.id)
        points = points_of(SITE, areas)
        self.walk = Walk(SITE, points, "ben", 30, self.results, self.said.append)
        self.late_s = late_s
        self.boot, self.n = 3, 0
        self.clerk = Clerk(SITE)

    def hear(self, message, at_s):
        self.walk.hear(message, BEGUN_S + at_s + self.late_s)

    def online(self, at_s=0.0, status="online"):
        self.hear(wire.Status(SITE.id, GATEWAY, status, self.boot), at_s)

    def head(self, at_s, **fields):
        said = {"epoch": 9, "boot": self.boot, "events_next": self.n + 1, "parts": 2}
        told = said | {"reset_cause": "power_on"} | fields
        self.hear(wire.StateHead(SITE.id, GATEWAY, told), at_s)

    def event(self, at_s, told=True, **fields):
        self.n += 1
        up_s, up_ms = divmod(round(at_s * 1000), 1000)
        event = wire.Event(
            **{
                "site": SITE.id, "gateway": GATEWAY, "n": self.n, "epoch": 9, "boot": self.boot,
                "up_s": up_s, "up_ms": up_ms, "time_s": None, "time_quality": "none", "point": 0,
                "mode": "live", "event": "condition", "conditions": 0, "changed": 0,
                "value": None, "unit": "", "limit": None, "code": 0,
            } | fields
        )  # fmt: skip
        if told:
            self.hear(wire.Events(SITE.id, GATEWAY, (event,)), at_s)
        return event

    def answer(self, at_s, result="done", point=0, time_s=1_800_000_000):
        """Carry out what is due, `late_s` after it was sent."""
        [order] = self.walk.orders(BEGUN_S + at_s - self.late_s)
        command = self.clerk.write(order, 10)
        self.walk.sent(command, BEGUN_S + at_s - self.late_s)
        act = wire.Act("walk_test", result, "desk", 17, 0, 30, command.id)
        self.event(at_s, event="act", act=act, point=point, time_s=time_s)
        return order

    def alarm(self, at_s, point=SMOKE, **fields):
        told = {"mode": "test", "conditions": 1, "changed": 1, "value": 25.1, "unit": "mA"}
        self.event(at_s, point=point, **(told | fields))

    def store(self, at_s):
        self.hear(wire.Stored(SITE.id, GATEWAY, 9, self.n, 0, 1, 0), at_s)

    def findings(self):
        rows = self.results.rows()
        for row in rows:
            jsonschema.validate(row, FINDING)
        return rows


@pytest.fixture
def tour(tmp_path):
    tour = Tour(tmp_path)
    tour.online()
    return tour


# --- points ----------------------------------------------------------------------------------


def test_times_are_those_of_the_gateway_as_exactly_as_a_command_shows(tour):
    assert tour.answer(10).point == "", "the whole gateway is to be tried"
    tour.walk.mark("101", BEGUN_S + 12)
    tour.alarm(13.5)
    assert tour.findings() == [], "the desk has not stored it"
    assert "smoke-gate: seen" in tour.said[-1]
    tour.store(13.7)
    [row] = tour.findings()
    assert (row["sounder_ms"], row["desk_ms"], row["within_ms"]) == (1500, 220, 20)


def test_a_stimulus_that_nobody_marked_passes_without_a_time_to_the_sounder(tour):
    tour.answer(10)
    tour.alarm(13.5)
    tour.store(13.7)
    [row] = tour.findings()
    assert row["passed"] and (row["sounder_ms"], row["desk_ms"]) == (None, 220)


def test_a_slow_message_does_not_blur_what_is_known_and_a_quick_one_sharpens_it(tour):
    tour.answer(10)
    tour.late_s = 0.0
    tour.event(11)
    tour.late_s = 5.0
    tour.alarm(13.5)
    tour.store(13.7)
    [row] = tour.findings()
    assert (row["desk_ms"], row["within_ms"]) == (5210, 10)


def test_clocks_that_run_apart_are_compared_anew_with_every_command(tour):
    tour.answer(10)
    act = wire.Act("walk_test", "ended", "itself", 0, 0, 0, 0)
    tour.event(1800, event="act", act=act)
    tour.late_s = 2.02  # its clock is 2 s behind by now
    [order] = tour.walk.orders(BEGUN_S + 1902)
    command = tour.clerk.write(order, 10)
    tour.walk.sent(command, BEGUN_S + 1901.98)
    act = wire.Act("walk_test", "done", "desk", 17, 0, 30, command.id)
    tour.event(1900, event="act", act=act)
    tour.alarm(1903)
    tour.store(1903)
    [row] = tour.findings()
    assert (row["desk_ms"], row["within_ms"]) == (20, 20)


def test_a_record_of_an_earlier_start_says_nothing_of_this_one(tour):
    tour.boot = 4
    tour.answer(10)
    old = tour.event(5000, told=False, boot=3)
    tour.hear(wire.Events(SITE.id, GATEWAY, (old,)), 12)
    tour.alarm(13.5)
    tour.store(13.7)
    assert tour.findings()[0]["within_ms"] == 20


@pytest.mark.parametrize("at_s", [14, -290], ids=["too late", "of another try"])
def test_a_mark_that_cannot_belong_to_it_is_none(tour, at_s):
    tour.answer(10)
    tour.walk.mark("101", BEGUN_S + at_s)
    tour.alarm(13.5)
    tour.store(14.5)
    assert tour.findings()[0]["sounder_ms"] is None


def test_the_word_about_another_journal_passes_nothing(tour):
    tour.answer(10)
    tour.alarm(13.5)
    tour.hear(wire.Stored(SITE.id, GATEWAY, 8, 1000, 0, 1, 0), 14)
    assert tour.findings() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "live"},
        {"conditions": 2, "changed": 2},
        {"conditions": 8, "changed": 8, "code": 2},
        {"conditions": 1, "changed": 8},
    ],
    ids=["in earnest", "only a pre-alarm", "a broken wire", "it stood before"],
)
def test_what_is_no_stimulus_counts_for_nothing(tour, fields):
    tour.answer(10)
    tour.alarm(13, **fields)
    tour.store(14)
    assert tour.findings() == []
    assert tour.walk.open_points == ["smoke-gate", "leakage-gate"]


def test_a_check_of_wires_needs_the_fault_and_its_end_and_somebody_who_says_so(tour):
    tour.answer(10)
    broken = {"conditions": 8, "changed": 8, "code": 2, "value": None}
    whole = {"conditions": 0, "changed": 8}
    tour.alarm(11, LEAKAGE, **broken)
    tour.alarm(12, LEAKAGE, **whole)
    tour.store(13)
    assert tour.findings() == [], "nobody said that it cannot be stimulated"
    tour.walk.check_wires("leakage-gate", BEGUN_S + 14)
    tour.alarm(14.1, LEAKAGE, **broken | {"code": 1})
    tour.alarm(14.2, LEAKAGE, **whole)
    tour.store(14.3)
    assert tour.findings() == [], "it was only warming up"
    tour.alarm(15, LEAKAGE, **broken)
    tour.store(16)
    assert tour.findings() == [], "it is still broken"
    tour.alarm(17, LEAKAGE, **whole)
    tour.store(18)
    [row] = tour.findings()
    assert (row["method"], row["code"], row["conditions"]) == ("electrical", "open", ["TROUBLE"])
    assert row["sounder_ms"] is None


def test_a_gateway_that_refuses_is_asked_again_point_by_point(tour):
    tour.answer(10, result="refused", point=SMOKE)
    assert list(tour.walk.orders(BEGUN_S + 11)) == []
    assert "smoke-gate" in tour.said[-1]
    assert tour.answer(21).point == "smoke-gate"


@pytest.mark.parametrize(
    ("result", "time_s", "told"),
    [("refused", None, "does not know the time"), ("expired", 1, "too old")],
)
def test_a_gateway_whose_clock_is_the_matter_is_asked_for_all_again(tour, result, time_s, told):
    tour.answer(10, result, time_s=time_s)
    assert told in tour.said[-1]
    assert tour.answer(21).point == ""


def test_points_are_asked_for_one_after_another_where_the_area_is_no_whole_gateway(tmp_path):
    tour = Tour(tmp_path, areas=("smoke-gate",))
    assert list(tour.walk.orders(BEGUN_S)) == [], "it is not online"
    tour.online()
    assert tour.answer(10, point=SMOKE).point == "smoke-gate"
    assert [order.minutes for order in tour.walk.last_orders()] == [0]


def test_a_gateway_that_is_not_there_is_told(tmp_path):
    tour = Tour(tmp_path)
    tour.walk.tell_silent()
    assert "gw-gate is not there" in tour.said[-1]
    tour.online()
    tour.said.clear()
    tour.walk.tell_silent()
    assert tour.said == []


def state(point, mode):
    return wire.PointState(point, "smoke", mode, 1, None, "", 0)


def test_what_an_earlier_walk_left_in_test_ends_before_it_is_tried_again(tour):
    assert list(tour.walk.orders(BEGUN_S + 1)) == [], "its state has not come"
    tour.head(1)
    states = (state(SMOKE, "test"), state(LEAKAGE, "live"))
    tour.hear(wire.PointStates(SITE.id, GATEWAY, 1, 1, states), 1)
    assert tour.answer(2, result="ended").minutes == 0
    assert tour.answer(3).minutes == 30
    tour.hear(wire.PointStates(SITE.id, GATEWAY, 2, 1, (state(SMOKE, "test"),)), 4)
    assert list(tour.walk.orders(BEGUN_S + 60)) == [], "that is our own"


def test_a_test_that_has_run_out_is_begun_again(tour):
    tour.answer(10)
    assert list(tour.walk.orders(BEGUN_S + 60)) == []
    act = wire.Act("walk_test", "ended", "itself", 0, 0, 0, 0)
    tour.event(1810, event="act", act=act)
    assert tour.answer(1811).verb == "walk_test"


# --- power and network -----------------------------------------------------------------------


def test_a_backlog_has_to_come_whole_before_the_network_test_passes(tour):
    tour.answer(10)
    tour.store(11)
    tour.online(20, "offline")
    late = [tour.event(at, told=False, code=20) for at in (21, 25)]
    tour.online(50)
    tour.head(50.1)
    tour.store(50.2)
    assert tour.findings() == []
    tour.hear(wire.Events(SITE.id, GATEWAY, (late[1],)), 51)
    assert tour.findings() == [], "one is missing"
    tour.hear(wire.Events(SITE.id, GATEWAY, (late[0],)), 52)
    [row] = tour.findings()
    assert (row["what"], row["passed"], row["backlog"], row["away_ms"]) == (
        "network", True, 2, 30_000,
    )  # fmt: skip
    assert tour.walk.open_tests == [(GATEWAY, "power")]


def test_records_that_came_but_are_not_stored_are_no_backlog_that_arrived(tour):
    tour.answer(10)
    tour.store(11)
    tour.online(20, "offline")
    late = tour.event(25, told=False)
    tour.online(50)
    tour.head(50.1, boot=2, events_next=2)  # still that of before
    tour.head(50.2)
    tour.hear(wire.Events(SITE.id, GATEWAY, (late,)), 51)
    assert tour.findings() == []
    tour.store(52)
    assert tour.findings()[0]["passed"]


def test_what_has_passed_stays_passed_when_a_later_cut_is_too_short(tour, tmp_path):
    test_a_backlog_has_to_come_whole_before_the_network_test_passes(tour)
    tour.online(60, "offline")
    tour.online(61)
    tour.head(61.1)
    tour.store(61.2)
    assert Tour(tmp_path).walk.open_tests == [(GATEWAY, "power")]


def test_a_journal_that_was_begun_anew_has_not_survived_the_cut(tour):
    tour.answer(10)
    tour.store(11)
    tour.boot, tour.n = 4, 1
    tour.online(30)
    tour.head(31, epoch=10)
    tour.event(30, epoch=10, n=1)
    tour.hear(wire.Stored(SITE.id, GATEWAY, 10, 1, 0, 1, 0), 32)
    [row] = tour.findings()
    assert (row["what"], row["passed"], row["why"]) == ("power", False, "new_journal")


def test_a_cut_in_which_nothing_happened_proves_nothing(tour):
    tour.answer(10)
    tour.online(20, "offline")
    tour.online(21)
    tour.head(21.1)
    tour.store(21.2)
    [row] = tour.findings()
    assert (row["passed"], row["why"]) == (False, "too_short")


def test_a_gap_is_named_when_the_walk_ends(tour):
    tour.answer(10)
    tour.online(20, "offline")
    tour.event(25, told=False)
    tour.online(50)
    tour.head(50.1)
    tour.walk.close(BEGUN_S + 60)
    [row] = tour.findings()
    assert (row["passed"], row["why"], row["missing"]) == (False, "gap", [[2, 2]])


@pytest.mark.parametrize(("cause", "passed"), [("power_on", True), ("watchdog", False)])
def test_a_new_start_is_a_power_test_only_where_power_was_its_cause(tour, cause, passed):
    tour.answer(10)
    tour.online(20, "offline")
    tour.boot += 1
    tour.online(30)
    tour.event(5, event="boot")
    tour.head(31, reset_cause=cause)
    tour.store(32)
    [row] = tour.findings()
    assert (row["what"], row["passed"], row["cause"]) == ("power", passed, cause)
    assert [order.verb for order in tour.walk.orders(BEGUN_S + 33)] == ["walk_test"]


# --- what is kept ----------------------------------------------------------------------------


def test_the_next_walk_goes_on_where_this_one_ended(tour, tmp_path):
    tour.answer(10)
    tour.alarm(13)
    tour.store(14)
    tour.walk.show("101", "gate.jpg", BEGUN_S + 15)
    again = Tour(tmp_path)
    assert again.walk.open_points == ["leakage-gate"]
    key = ("point", GATEWAY, "smoke-gate")
    assert newest(again.results.rows())[key]["photo"] == "gate.jpg"


def test_the_findings_of_another_site_are_not_ours(tour, tmp_path):
    tour.answer(10)
    tour.alarm(13)
    tour.store(14)
    assert Results(tmp_path, "other").rows() == []


def test_a_line_that_was_cut_while_it_was_written_is_left_out(tour, tmp_path):
    tour.answer(10)
    tour.alarm(13)
    tour.store(14)
    [path] = tmp_path.glob("walktest-*.jsonl")
    path.write_text(path.read_text() + '{"format":1,"si')
    assert len(tour.findings()) == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [('{"format":2}', "format 2; this program reads 1"), ("[", "is no line of ours")],
)
def test_a_file_of_another_format_is_refused(tmp_path, line, told):
    (tmp_path / "walktest-x.jsonl").write_text(line + "\n")
    with pytest.raises(FiregridError, match=told):
        Results(tmp_path, SITE.id).rows()


@pytest.mark.parametrize(
    ("areas", "numbers"),
    [
        ((), [101, 102, 201]),
        (("community",), [101, 102, 201]),
        (("grid-2",), [201]),
        (("gw-gate", "201"), [101, 102, 201]),
        (("smoke-gate",), [101]),
    ],
)
def test_an_area_is_a_node_a_grid_a_gateway_or_a_point(areas, numbers):
    assert [point.number for point in points_of(SITE, areas)] == numbers


def test_an_area_that_is_not_there_is_told():
    with pytest.raises(FiregridError, match="no point in 'attic'"):
        points_of(SITE, ("attic",))
