"""Scenarios: read whole or refused by name, carried out in time, and judged by what was seen."""

import json
import re
import tomllib

import pytest
from firegrid.errors import FiregridError
from firegrid.orders import Order
from firegrid.resources import scenario_path, schemas_dir, site_path
from firegrid.site.load import load_site
from firegrid_sim.scenario import (
    Answer,
    Break,
    CutPower,
    Drive,
    Expect,
    LoseLink,
    Moment,
    Player,
    Press,
    Scenario,
    Step,
    judge,
    load_scenario,
    sounder_after_ms,
)
from jsonschema import Draft202012Validator

SITE = load_site(site_path("jinshui-garden"))
SCHEMA = Draft202012Validator(json.loads((schemas_dir() / "scenario.schema.json").read_text()))
ALARM, PRE_ALARM, SUPERVISORY, TROUBLE = 1, 2, 4, 8
SMOKE = 'at_s = 1\nsay = "smoke"\npoint = "smoke-noodle-shop"\n'
FIRE = SMOKE + 'signal = "smoke"\nvalue = 1\n'
DESK = 'at_s = 1\nsay = "order"\n'
POWER = 'at_s = 1\nsay = "power"\ngateway = "gw-shops"\n'


@pytest.fixture
def load(tmp_path):
    def load(*steps, head="format = 1\n"):
        path = tmp_path / "scenario.toml"
        path.write_text(head + "".join(f"[[step]]\n{step}\n" for step in steps))
        return load_scenario(path, SITE)

    return load


@pytest.fixture
def refusal(load, tmp_path):
    """Return the lines that say what is wrong, without the file's name that begins each."""

    def refusal(*steps, **kwargs):
        with pytest.raises(FiregridError) as raised:
            load(*steps, **kwargs)
        name = f"{tmp_path / 'scenario.toml'}: "
        lines = str(raised.value).splitlines()
        assert all(line.startswith(name) for line in lines), lines
        return [line.removeprefix(name) for line in lines]

    return refusal


class Recorder:
    """A world that notes what is done to it."""

    def __init__(self):
        self.done = []
        self.values = {}

    def value(self, point, signal):
        return self.values.get((point, signal), 0.0)

    def drive(self, point, signal, value):
        self.values[point, signal] = value
        self.done.append(("drive", point, signal, round(value, 3)))

    def set_fault(self, point, fault):
        self.done.append(("fault", point, fault))

    def set_link(self, gateway, up):
        self.done.append(("link", gateway, up))

    def press(self, gateway, down):
        self.done.append(("press", gateway, down))

    def cut_power(self, gateway, off_s):
        self.done.append(("power", gateway, off_s))

    def give(self, step, order):
        self.done.append(("order", step, order))


def play(*steps):
    """Return a player of the steps, its world, and what it says."""
    world, said = Recorder(), []
    player = Player(Scenario(None, "", steps), world, said.append, world.give)
    return player, world, said


def step(action, at_s=10.0, expect=(), sounder=False, result=""):
    return Step(at_s, "something happens", action, tuple(expect), sounder, result)


# ---- the file ----


def test_each_kind_of_step_is_read(load):
    steps = load(
        FIRE + "over_s = 3\nsounder = true",
        SMOKE + 'fault = "open"',
        SMOKE + 'fault = "short"\nfor_s = 5',
        POWER + 'link = "lost"\nfor_s = 20',
        POWER + 'link = "lost"',
        POWER + 'press = "reset"',
        POWER + 'press = "silence"',
        POWER + 'power = "cut"',
        POWER + 'command = { verb = "reset", by = "leader-01" }\nexpect_result = "refused"',
        DESK + 'command = { verb = "bypass", by = "leader-04", point = "smoke-tailor",'
        ' minutes = 30, reason = "cleaning" }',
    ).steps
    assert [step.action for step in steps] == [
        Drive("smoke-noodle-shop", "smoke", 1, 3),
        Break("smoke-noodle-shop", "open", None),
        Break("smoke-noodle-shop", "short", 5),
        LoseLink("gw-shops", 20),
        LoseLink("gw-shops", None),
        Press("gw-shops"),
        Press("gw-shops", "silence"),
        CutPower("gw-shops", 1),
        Order("gw-shops", "reset", "leader-01"),
        Order("gw-shops", "bypass", "leader-04", "smoke-tailor", 30, "cleaning"),
    ]
    assert [step.sounder for step in steps] == [True] + 9 * [False]
    assert [step.result for step in steps] == 8 * [""] + ["refused", ""]
    assert steps[8].place(SITE) == (None, "gw-shops")
    assert steps[9].place(SITE) == ("smoke-tailor", "gw-shops")


def test_expectations_name_points_and_gateways(load):
    expect = (
        'expect = [{ point = "smoke-noodle-shop", conditions = ["ALARM", "TROUBLE"],'
        ' within_s = 3, mode = "drill" },'
        ' { gateway = "gw-shops", conditions = [], within_s = 30 }]'
    )
    [step] = load(FIRE + expect).steps
    assert step.expect == (
        Expect("smoke-noodle-shop", ALARM | TROUBLE, 3, "drill"),
        Expect("gw-shops", 0, 30),
    )


def test_steps_come_in_the_order_of_time(load):
    steps = load(FIRE.replace("at_s = 1", "at_s = 9"), FIRE.replace("at_s = 1", "at_s = 2")).steps
    assert [step.at_s for step in steps] == [2, 9]


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (
            FIRE.replace("noodle", "nodle"),
            r'step 1: point: "smoke-nodle-shop" is unknown; did you',
        ),
        (FIRE.replace('"smoke"\nvalue', '"smok"\nvalue'), 'step 1: signal: "smok" does not drive'),
        (FIRE.replace("value = 1", "value = 2"), "step 1: value: 2 is outside the range of smoke"),
        (FIRE.replace("value = 1", 'value = "a lot"'), 'step 1: value: "a lot" is not a number'),
        (FIRE.replace("value = 1\n", ""), "step 1: value: is missing"),
        (FIRE.replace("at_s = 1\n", ""), "step 1: at_s: is missing"),
        (FIRE.replace("at_s = 1\n", "at_s = -1\n"), "step 1: at_s: -1 s is outside 0…86400"),
        (FIRE.replace('say = "smoke"\n', ""), "step 1: say: is missing"),
        (FIRE + "ovr_s = 1", 'step 1: ovr_s: is an unknown key; did you mean "over_s"?'),
        (FIRE + "sounder = 1", "step 1: sounder: 1 is neither true nor false"),
        (FIRE + "for_s = 1", "step 1: for_s: is an unknown key"),
        (SMOKE + 'fault = "opn"', 'step 1: fault: "opn" is unknown; did you mean "open"?'),
        (SMOKE + 'fault = "open"\nfor_s = 0', "step 1: for_s: 0 s is outside 0.1…86400"),
        (SMOKE, "step 1: needs one of signal, fault, link, press, power, command; it has none"),
        (FIRE + 'fault = "open"', "step 1: needs one of .*; it has signal and fault"),
        (POWER + 'link = "cut"', 'step 1: link: "cut" is unknown; known: lost'),
        (
            POWER + 'press = "hard"',
            'step 1: press: "hard" is unknown; known: acknowledge, silence, reset',
        ),
        (
            POWER.replace("shops", "shop") + 'power = "cut"',
            'step 1: gateway: "gw-shop" is unknown',
        ),
        (FIRE + "expect = 1", "step 1: expect: is not a list of tables"),
        (FIRE + "expect = [{}]", "step 1: expect 1: names neither a point nor a gateway"),
        (
            FIRE + 'expect = [{ point = "smoke-tailor", conditions = ["FIRE"], within_s = 1 }]',
            'step 1: expect 1: conditions: "FIRE" is unknown',
        ),
        (
            FIRE + 'expect = [{ point = "smoke-tailor", conditions = [] }]',
            "step 1: expect 1: within_s: is missing",
        ),
        (
            FIRE + 'expect = [{ point = "smoke-tailor", conditions = [], within_s = 1,'
            ' mode = "practice" }]',
            'step 1: expect 1: mode: "practice" is unknown; known: live, test, drill',
        ),
        (POWER + "command = 1", "step 1: command: is not a table"),
        (POWER + 'command = { by = "leader-01" }', "step 1: command: verb: is missing"),
        (POWER + 'command = { verb = "reset" }', "step 1: command: by: is missing"),
        (
            POWER + 'command = { verb = "rest", by = "leader-01" }',
            'step 1: command: verb: "rest" is unknown; did you mean "reset"',
        ),
        (
            POWER + 'command = { verb = "reset", by = "leader-99" }',
            'step 1: command: by: "leader-99" is unknown',
        ),
        (
            POWER + 'command = { verb = "bypass", by = "leader-01" }',
            "step 1: command: bypass needs a point",
        ),
        (
            DESK + 'command = { verb = "reset", by = "leader-01", minutes = 5,'
            ' point = "smoke-tailor" }',
            "step 1: command: reset has no time; minutes are for silence, bypass",
        ),
        (
            POWER + 'command = { verb = "drill", by = "leader-01", minutes = 61 }',
            "step 1: command: 61 minutes are outside what drill may last; allowed: 1 to 60",
        ),
        (
            POWER + 'command = { verb = "silence", by = "leader-01", reason = "bored" }',
            'step 1: command: reason: "bored" is unknown',
        ),
        (
            DESK + 'command = { verb = "silence", by = "leader-01", point = "smoke-tailor" }',
            "step 1: command: silence is about a whole gateway; leave the point out",
        ),
        (
            DESK + 'command = { verb = "reset", by = "leader-01" }',
            "step 1: gateway: is missing",
        ),
        (
            FIRE + 'expect_result = "done"',
            "step 1: expect_result: is the answer to a command; there is none here",
        ),
        (
            POWER + 'command = { verb = "reset", by = "leader-01" }\nexpect_result = "good"',
            'step 1: expect_result: "good" is unknown',
        ),
    ],
)
def test_a_mistake_is_refused_by_step_and_key(refusal, wrong, line):
    found = refusal(wrong)
    assert re.match(line, found[0]), found


def test_all_mistakes_are_told_at_once(refusal):
    found = refusal(FIRE.replace("value = 1", "value = 7"), FIRE, SMOKE + 'fault = "no"')
    assert [line[:7] for line in found] == ["step 1:", "step 3:"]


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("", "format: is missing; this firegrid reads format 1"),
        ("format = 2\n", "format: 2 is unknown; this firegrid reads format 1"),
        ("format = [\n", "this is not TOML"),
        ("format = 1\nspeed = 3\n", "speed: is an unknown key"),
    ],
)
def test_a_head_that_is_not_ours_is_refused(refusal, head, line):
    assert refusal(FIRE, head=head)[0].startswith(line)


def test_a_scenario_without_steps_is_refused(refusal):
    assert refusal() == ["holds no [[step]]; write at least one"]


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path):
    with pytest.raises(FiregridError, match=r"none\.toml: cannot be read"):
        load_scenario(tmp_path / "none.toml", SITE)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FiregridError, match=r"binary\.toml: is not UTF-8 text"):
        load_scenario(tmp_path / "binary.toml", SITE)


# ---- the shipped one ----


@pytest.fixture(scope="module")
def first_alarm():
    return load_scenario(scenario_path("first-alarm"), SITE)


@pytest.mark.parametrize("name", ["first-alarm", "people-act"])
def test_a_shipped_scenario_keeps_its_schema(name):
    row = tomllib.loads(scenario_path(name).read_text())
    assert not [error.message for error in SCHEMA.iter_errors(row)]


def test_in_the_shipped_scenario_everything_that_comes_also_goes(first_alarm):
    last = {}
    for step in first_alarm.steps:
        for expect in step.expect:
            last[expect.source] = expect.conditions
    assert set(last.values()) == {0}
    assert len(last) == 6


def test_the_shipped_scenario_is_over_and_judged_within_115_s(first_alarm):
    assert max(step.ends_s for step in first_alarm.steps) < 115
    assert first_alarm.steps[0].at_s == 5


def test_the_shipped_scenario_has_every_kind_alarm_and_trouble(first_alarm):
    seen = 0
    kinds = set()
    for step in first_alarm.steps:
        for expect in step.expect:
            seen |= expect.conditions
        if isinstance(step.action, Drive):
            kinds.add(SITE.point(step.action.point).kind)
    assert seen == ALARM | PRE_ALARM | SUPERVISORY | TROUBLE
    assert kinds == {"smoke", "gas", "leakage", "hydrant"}


# ---- carrying it out ----


def test_a_step_is_carried_out_and_told_when_it_is_due_and_once():
    player, world, said = play(step(Drive("smoke-tailor", "smoke", 1, 0)))
    player.advance(9.99)
    assert not world.done
    player.advance(10.02)
    player.advance(11)
    assert world.done == [("drive", "smoke-tailor", "smoke", 1)]
    assert said == ["10 s: something happens"]
    assert player.over


def test_a_ramp_goes_evenly_from_what_was_to_what_is_asked():
    player, world, _ = play(step(Drive("hydrant-market", "pressure_kpa", 100, 1)))
    world.values["hydrant-market", "pressure_kpa"] = 300
    player.advance(10.5)
    assert world.value("hydrant-market", "pressure_kpa") == pytest.approx(200)
    player.advance(20)
    values = [done[3] for done in world.done]
    assert values == [280, 260, 240, 220, 200, 180, 160, 140, 120, 100]


@pytest.mark.parametrize(
    ("action", "first", "then", "after_s"),
    [
        (Break("smoke-tailor", "open", 5), ("open",), (None,), 5),
        (LoseLink("gw-shops", 20), (False,), (True,), 20),
        (Press("gw-shops", "acknowledge"), (True,), (False,), 0.4),
        (Press("gw-shops", "silence"), (True,), (False,), 2),
        (Press("gw-shops", "reset"), (True,), (False,), 6),
    ],
)
def test_what_lasts_for_a_time_ends_by_itself(action, first, then, after_s):
    player, world, _ = play(step(action))
    player.advance(10 + after_s - 0.01)
    assert [done[2:] for done in world.done] == [first]
    player.advance(10 + after_s)
    assert [done[2:] for done in world.done] == [first, then]


def test_a_link_that_is_lost_for_good_stays_lost():
    player, world, _ = play(step(LoseLink("gw-shops", None)))
    player.advance(1e6)
    assert world.done == [("link", "gw-shops", False)]


# ---- judging ----

FIRED = step(
    Drive("smoke-tailor", "smoke", 1, 0), expect=[Expect("smoke-tailor", ALARM, 3)], sounder=True
)


def test_a_step_that_was_seen_is_fine():
    history = {"smoke-tailor": [Moment(2.0, TROUBLE), Moment(11.1, ALARM)]}
    assert judge(FIRED, history, [11.15]) == ""
    assert sounder_after_ms(FIRED, [11.15]) == 1150


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [Moment(9.0, ALARM)],
        [Moment(13.1, ALARM)],
        [Moment(11.0, ALARM | TROUBLE)],
        [Moment(11.0, ALARM, "test")],
    ],
)
def test_other_conditions_or_another_time_are_not_what_was_expected(changes):
    why = judge(FIRED, {"smoke-tailor": changes}, [11.15])
    assert why.startswith("smoke-tailor: ALARM did not come within 3 s (seen: ")


@pytest.mark.parametrize("sounded_s", [[], [9.0], [13.5]])
def test_an_alarm_without_its_sounder_is_told(sounded_s):
    why = judge(FIRED, {"smoke-tailor": [Moment(11.0, ALARM)]}, sounded_s)
    assert why == "the sounder did not begin within 3 s"
    assert sounder_after_ms(FIRED, sounded_s) is None


RESET = step(Order("gw-shops", "reset", "leader-01"), result="refused")


def test_an_order_is_handed_to_the_desk_when_it_is_due():
    player, world, _ = play(RESET)
    player.advance(10.01)
    assert world.done == [("order", RESET, RESET.action)]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(10.2, "refused"), ""),
        (Answer(10.2, "done"), "the gateway answered: done, not: refused"),
        (Answer(15.2, "refused"), "the gateway did not answer within 5 s"),
        (None, "the gateway did not answer within 5 s"),
    ],
)
def test_the_answer_to_a_command_is_judged(answer, why):
    assert judge(RESET, {}, [], answer) == why


def test_conditions_in_another_mode_are_told_with_it():
    history = {"smoke-tailor": [Moment(11.0, ALARM, "drill")]}
    why = judge(FIRED, history, [11.15])
    assert why == ("smoke-tailor: ALARM did not come within 3 s (seen: ALARM (drill) at 11.0 s)")
