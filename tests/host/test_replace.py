"""`firegrid replace`: the same place and points, another id, and nothing forgotten."""

import json
import tomllib

import jsonschema
import pytest
from click.testing import CliRunner
from firegrid import cli, lines, resources
from firegrid.acceptance.replacing import Exchange, before
from firegrid.acceptance.report import build
from firegrid.acceptance.results import Results
from firegrid.site.load import load_site
from firegrid.state import State

WALK = resources.checkout() / "tests" / "sim" / "sites" / "walk.toml"
AT = "2026-11-27T06:05:04.321Z"


def schema(name):
    return json.loads((resources.schemas_dir() / f"{name}.schema.json").read_text())


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "garden.toml"
    path.write_text(WALK.read_text().replace('id = "gw-yard"', "id   = 'gw-yard'  # behind"))
    return path


@pytest.fixture
def state(site):
    return State.of(site).make()


def run(site, *arguments):
    command = ["replace", site, *arguments, "--by", "ben"]
    return CliRunner().invoke(cli.main, [str(argument) for argument in command])


def test_only_the_id_changes_in_the_site_file_and_where_points_name_it(site):
    old = site.read_text()
    done = run(site, "gw-yard", "gw-yard-2", "--yes")
    assert done.exit_code == 0, done.output
    new = site.read_text()
    changed = [
        pair for pair in zip(old.splitlines(), new.splitlines(), strict=True) if pair[0] != pair[1]
    ]
    assert changed == [
        ("id   = 'gw-yard'  # behind", "id   = 'gw-yard-2'  # behind"),
        ('gateway = "gw-yard"', 'gateway = "gw-yard-2"'),
    ]
    assert [point.number for point in load_site(site).points_of("gw-yard-2")] == [201]


def test_the_old_board_is_retired_and_the_answer_keeps_its_schema(site, state):
    board = {"at": AT, "gateway": "gw-yard", "mac": "24:0a:c4:00:00:01", "state": "labelled",
             "port": "/dev/ttyUSB0", "detail": ""}  # fmt: skip
    lines.append(state.boards, board)
    done = run(site, "gw-yard", "gw-yard-2", "--yes", "--json", "--why", "burnt")
    row = json.loads(done.stdout)
    jsonschema.validate(row, schema("replace"))
    assert (row["retired_mac"], row["points"]) == (board["mac"], ["smoke-yard"])
    last = lines.read(state.boards)[-1]
    assert (last["state"], last["mac"], last["gateway"]) == ("retired", board["mac"], "gw-yard")


def test_what_was_tried_with_the_old_one_does_not_count_for_the_new_one(site, state):
    finding = {"at": AT, "what": "point", "gateway": "gw-yard", "id": "smoke-yard", "passed": True}
    results = Results(state.reports, "walk")
    results.add(finding)
    assert run(site, "gw-yard", "gw-yard-2", "--yes", "--why", "burnt").exit_code == 0
    assert run(site, "gw-yard-2", "gw-yard-3", "--yes").exit_code == 0
    planned = load_site(site)
    exchanged = {gateway.id: before(state, gateway.id) for gateway in planned.gateways}
    report = build(planned, results.rows(), [], "ben", AT, exchanged)
    jsonschema.validate(report, schema("acceptance"))
    [row] = [row for row in report["gateways"] if row["gateway"] == "gw-yard-3"]
    assert row["points"][0]["status"] == "open"
    assert [(one["gateway"], one["why"]) for one in row["before"]] == [
        ("gw-yard-2", ""), ("gw-yard", "burnt"),
    ]  # fmt: skip


@pytest.mark.parametrize("new", ["gw-gate", "gw-yard", "gw-old", "gw-gone", "Gate!"])
def test_an_id_is_never_used_twice(site, state, new):
    lines.append(state.boards, {"gateway": "gw-old", "mac": "x", "state": "retired"})
    row = {"site": "walk", "old": "gw-gone", "new": "gw-gate", "at": AT, "by": "ben", "why": ""}
    lines.append(state.directory / "replaced.jsonl", row)
    old = site.read_bytes()
    done = run(site, "gw-yard", new, "--yes")
    assert done.exit_code == 1
    assert "never used twice" in done.output or "is no id" in done.output
    assert site.read_bytes() == old


def test_one_that_was_broken_off_before_the_site_file_was_written_can_be_called_again(
    site, state, monkeypatch
):
    exchange = Exchange(load_site(site), state, "gw-yard", "gw-yard-2")
    monkeypatch.setattr(Exchange, "_retire", lambda self, at: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        exchange.carry_out(AT, "ben", "")
    monkeypatch.undo()
    assert not list(site.parent.glob("*.new"))
    assert "gw-yard-2" not in site.read_text()
    assert run(site, "gw-yard", "gw-yard-2", "--yes").exit_code == 0
    assert len(lines.read(state.directory / "replaced.jsonl")) == 1


@pytest.mark.parametrize(
    ("plain", "other"),
    [
        ('gateway = "gw-yard"', '"gateway" = "gw-yard"'),
        ("id   = 'gw-yard'", "\"id\" = 'gw-yard'"),
        ("id   = 'gw-yard'", "'id' = 'gw-yard'"),
    ],
)
def test_a_site_file_that_it_does_not_understand_is_left_alone(site, state, plain, other):
    text = site.read_text().replace(plain, other)
    assert tomllib.loads(text) and text != site.read_text()
    site.write_text(text)
    done = run(site, "gw-yard", "gw-yard-2", "--yes")
    assert done.exit_code == 1 and "by hand" in done.output
    assert site.read_text() == text
    assert not (state.directory / "replaced.jsonl").exists()


def test_a_gateway_without_points_whose_id_is_not_understood_is_left_alone(site):
    text, _, points = site.read_text().partition("[[point]]\nnumber = 201")
    site.write_text(text.replace("id   = 'gw-yard'", "\"id\" = 'gw-yard'"))
    assert points and not load_site(site).points_of("gw-yard")
    done = run(site, "gw-yard", "gw-yard-2", "--yes")
    assert done.exit_code == 1 and "by hand" in done.output


def test_nothing_is_changed_behind_anybodys_back(site):
    old = site.read_bytes()
    done = run(site, "gw-yard", "gw-yard-2")
    assert done.exit_code == 1 and "--yes" in done.output
    assert site.read_bytes() == old
    done = run("jinshui-garden", "gw-shops", "gw-shops-2", "--yes")
    assert done.exit_code == 1 and "shipped example" in done.output


def test_a_line_that_was_cut_makes_room_for_the_next(tmp_path):
    path = tmp_path / "lines.jsonl"
    lines.append(path, {"n": 1})
    path.write_bytes(path.read_bytes() + b'{"format":1,"n')
    lines.append(path, {"n": 2})
    assert [row["n"] for row in lines.read(path)] == [1, 2]
