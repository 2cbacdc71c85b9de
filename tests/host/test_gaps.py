"""`firegrid audit gaps`: whole journals are told whole, each hole by its cause."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from firegrid import cli, resources
from firegrid.gaps import CAUSES, find_gaps
from firegrid.store import Runs, Store
from hypothesis import given, settings
from hypothesis import strategies as st
from test_store import EVENT, SAMPLE, SHOPS, SITE, event, sample

SCHEMA = json.loads((resources.schemas_dir() / "audit-gaps.schema.json").read_text("utf-8"))
NEW = (SITE, "gw-shops", 8)  # the same gateway with a journal begun anew


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'desk.db'}")
    yield store
    store.close()


def events(*numbers: int, **changes: Any) -> list[Any]:
    return [event(n, **changes) for n in numbers]


def holes(store: Store, lane: str = "events") -> list[tuple[int, int | None, str]]:
    return [
        (hole.first, hole.last, hole.cause)
        for gaps in find_gaps(store, SITE)
        for hole in gaps.holes
        if gaps.lane == lane
    ]


def audit(path: Path, *options: str) -> Any:
    return CliRunner().invoke(
        cli.main, ["audit", "gaps", "jinshui-garden", "--state", str(path), *options]
    )


def report(path: Path) -> Any:
    done = audit(path, "--json")
    said = json.loads(done.output)
    jsonschema.validate(said, SCHEMA)
    assert next(iter(said)) == "schema"
    assert done.exit_code == (3 if said["unexplained"] else 0)
    return said


@given(st.sets(st.integers(1, 30)), st.integers(1, 30), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_runs_and_gaps_together_are_everything_once(held, first, last):
    runs = Runs()
    for n in held:
        runs.add(n, n)
    asked = set(range(first, last + 1))
    inside = [n for a, b in runs.within(first, last) for n in range(a, b + 1)]
    outside = [n for a, b in runs.gaps(first, last) for n in range(a, b + 1)]
    assert inside == sorted(held & asked) and outside == sorted(asked - held)


# ---- causes ----


def test_a_whole_journal_has_no_hole(store, tmp_path):
    store.add(events(1, 2, 3), [sample(1)])
    store.forget_below(SHOPS, (4, 2), stored=(3, 1))
    said = report(tmp_path)
    assert (said["holes"], said["unexplained"]) == (0, 0)
    shops = next(one for one in said["gateways"] if one["gateway"] == "gw-shops")
    row = {"epoch": 7, "holes": []}
    assert shops["journals"] == [
        row | {"lane": "events", "last": 3, "stored": 3},
        row | {"lane": "samples", "last": 1, "stored": 1},
    ]


@pytest.mark.parametrize("told", ["by its state", "by an event"])
def test_what_the_gateway_says_that_it_lost_is_an_overrun(told, store, tmp_path):
    store.add(events(1, 2))
    lost = event(9, event="lost", point=0, conditions=0, changed=0, value=4.0, limit=None)
    store.add([*events(7, 8), lost] if told == "by an event" else events(7, 8, 9))
    counted = 4 if told == "by its state" else 0
    store.forget_below(SHOPS, (7, 1), stored=(2, 0), lost=(counted, 0))
    assert holes(store) == [(3, 6, "overrun")]
    assert report(tmp_path)["holes"] == 1


def test_lost_samples_are_told_in_the_lane_of_the_events(store):
    lost = event(1, event="lost", point=0, conditions=0, changed=1, value=2.0, limit=None)
    store.add([lost], [sample(1), sample(4)])
    store.forget_below(SHOPS, (1, 4), stored=(0, 1))
    assert holes(store, "samples") == [(2, 3, "overrun")]
    assert holes(store) == []


def test_what_the_gateway_let_go_without_a_word_is_unexplained(store):
    store.add(events(1, 2, 5))
    store.forget_below(SHOPS, (5, 1), stored=(2, 0), lost=(0, 0))
    assert holes(store) == [(3, 4, "unexplained")]


def test_what_a_desk_said_it_has_and_has_not_is_unexplained_whatever_else_was_lost(store):
    store.add(events(1, 2, 9))
    store.forget_below(SHOPS, (9, 1), stored=(4, 0), lost=(4, 0))
    assert holes(store) == [(3, 4, "unexplained"), (5, 8, "overrun")]


def test_a_row_that_is_gone_from_the_store_is_unexplained(store, tmp_path):
    store.add(events(1, 2, 3), [sample(1)])
    with closing(sqlite3.connect(tmp_path / "desk.db")) as direct, direct:
        direct.execute("DELETE FROM events WHERE n = 3")
        direct.execute("DELETE FROM samples")
    assert holes(store) == [(3, 3, "unexplained")]
    assert holes(store, "samples") == [(1, 1, "unexplained")]
    assert report(tmp_path)["unexplained"] == 2


def test_what_the_gateway_may_still_send_waits_and_fills(store):
    store.add(events(1, 4))
    assert store.stored_upto(*SHOPS) == (1, 0)
    assert holes(store) == [(2, 3, "waiting")]
    store.add(events(2, 3))
    assert holes(store) == []


def test_what_was_given_up_and_came_after_all_is_no_hole(store):
    store.add(events(1, 3))
    store.forget_below(SHOPS, (3, 1), stored=(1, 0), lost=(1, 0))
    store.add(events(2))
    assert holes(store) == []


def test_a_journal_begun_anew_ends_the_one_before(store, tmp_path):
    store.add(events(1, 2, 5))
    store.add(events(1, 2, epoch=8))
    assert holes(store) == [(3, 4, "recreated"), (6, None, "recreated")]
    assert report(tmp_path)["unexplained"] == 0
    assert "from 6 on: the journal was begun anew" in audit(tmp_path).output


def test_a_new_epoch_that_goes_on_with_its_numbers_has_no_hole(store):
    store.add(events(1, 2, 3))
    store.add(events(4, 5, epoch=8))
    store.forget_below(NEW, (4, 1), stored=(3, 0))
    assert holes(store) == []


def test_a_row_lost_in_a_new_journal_is_not_hidden_by_the_old_one(store):
    store.add(events(*range(1, 20)))
    store.add(events(1, 2, 4, epoch=8))
    store.forget_below(NEW, (4, 1), stored=(3, 0))
    assert (3, 3, "unexplained") in holes(store)


def test_each_cause_has_a_test_and_a_word():
    told = resources.schemas_dir() / "audit-gaps.schema.json"
    assert all(f'"{cause}"' in told.read_text("utf-8") for cause in CAUSES)


# ---- the command ----


def test_it_says_so_in_words(store, tmp_path):
    store.add(events(1, 2, 5), [replace(SAMPLE, n=1)])
    store.add([replace(EVENT, gateway="gw-attic")])
    store.forget_below(SHOPS, (5, 1), stored=(4, 0))
    done = audit(tmp_path)
    assert done.exit_code == 3
    assert done.output.splitlines() == [
        "gw-shops events, epoch 7: 3 stored of 1 to 5",
        "  missing 3 to 4: UNEXPLAINED",
        "gw-shops samples, epoch 7: nothing is missing from 1 to 1",
        "gw-flats: nothing was ever heard of it",
        "gw-power: nothing was ever heard of it",
        "gw-hydrants: nothing was ever heard of it",
        "gw-attic events, epoch 7: nothing is missing from 1 to 1",
        "holes: 1, unexplained: 1",
    ]
    assert "缺 3 到 4：原因不明" in audit(tmp_path, "--lang", "zh").output


def test_without_a_store_it_says_where_it_looked_and_makes_none(tmp_path):
    done = audit(tmp_path)
    assert done.exit_code == 1
    assert f"there is no store {tmp_path / 'desk.db'}; name the folder" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"shopping notes" * 999, b""])
def test_what_is_no_store_is_refused_or_empty(content, tmp_path):
    (tmp_path / "desk.db").write_bytes(content)
    done = audit(tmp_path)
    assert done.exit_code == (1 if content else 0) and "Traceback" not in done.output
    assert not content or "is not a database" in done.stderr


def test_another_format_is_refused(store, tmp_path):
    with closing(sqlite3.connect(tmp_path / "desk.db")) as direct, direct:
        direct.execute("UPDATE format SET version = 9")
    done = audit(tmp_path)
    assert done.exit_code == 1 and "has format 9" in done.stderr
