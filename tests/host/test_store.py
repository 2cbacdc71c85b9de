"""The store against SQLite itself: nothing twice, nothing lost, nothing half done."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from firegrid import store as store_module
from firegrid.errors import FiregridError
from firegrid.store import FORMAT, Runs, Store, StoredEvent, StoreError
from firegrid.wire import Act, Event, Sample
from hypothesis import given, settings
from hypothesis import strategies as st

SITE = "jinshui-garden"
EVENT = Event(
    SITE, "gw-shops", 1, 7, 3, 12, 250, 1_750_000_000, "desk", 101, "live", "condition",
    1, 1, 16.2, "mA", 15.0, 0,
)  # fmt: skip
SAMPLE = Sample(
    SITE, "gw-shops", 1, 7, 3, 60, 0, None, "none", 103, "live", 60, 0.5, 1.25, 2.0, 1.0, "%LEL"
)
SHOPS = (SITE, "gw-shops", 7)
quickly = settings(max_examples=60, deadline=None)


def event(n: int, **changes: object) -> Event:
    return replace(EVENT, n=n, **changes)


def sample(n: int, **changes: object) -> Sample:
    return replace(SAMPLE, n=n, **changes)


def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "desk.db"


@pytest.fixture
def store(path) -> Iterator[Store]:
    with opened(path) as store:
        yield store


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    store = Store(url(path))
    yield store
    store.close()


def numbers(store: Store, gateway: str | None = None) -> list[int]:
    return [event.n for event in store.events(SITE, gateway)]


# ---- runs of numbers ----


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), max_size=30))
@quickly
def test_runs_hold_what_a_set_of_numbers_holds(spans):
    runs, held = Runs(), set()
    for first, more in spans:
        runs.add(first, first + more)
        held |= set(range(first, first + more + 1))
    assert {n for first, last in runs for n in range(first, last + 1)} == held
    assert all((n in runs) == (n in held) for n in range(-2, 50))
    assert all(a[1] + 1 < b[0] for a, b in pairwise(runs)), "they touch"
    held.add(0)
    assert runs.upto() == next(n for n in range(1, 60) if n not in held) - 1


# ---- what goes in comes out ----


def test_a_record_comes_back_as_it_went_in_with_the_time_it_was_received(store):
    store.add([event(1), event(2, value=None, limit=None, time_s=None, code=2)], received_ms=99)
    assert list(store.events(SITE)) == [
        StoredEvent(*[getattr(record, name) for name in Event.__slots__], 99)
        for record in (event(1), event(2, value=None, limit=None, time_s=None, code=2))
    ]


def test_all_samples_are_kept_with_numbers_as_numbers(store, path):
    store.add([], [sample(1), sample(2, last=-3.5)])
    with closing(sqlite3.connect(path)) as direct:
        rows = direct.execute("SELECT n, mean, last, typeof(last) FROM samples").fetchall()
    assert rows == [(1, 1.25, 1.0, "real"), (2, 1.25, -3.5, "real")]


def test_events_come_by_gateway_epoch_and_number(store):
    places = [("gw-b", 1, 1), ("gw-a", 9, 2), ("gw-a", 9, 1), ("gw-a", 3, 7)]
    store.add([event(n, gateway=gateway, epoch=epoch) for gateway, epoch, n in places])
    store.add([event(1, site="elsewhere")])
    found = [(e.gateway, e.epoch, e.n) for e in store.events(SITE)]
    assert found == sorted(places)
    assert numbers(store, "gw-a") == [7, 1, 2]


def test_the_same_record_is_stored_once_however_often_it_comes(store):
    first = store.add([event(1), event(2)], [sample(1)])
    again = store.add([event(2), event(3), event(3)], [sample(1)])
    assert (first.new_events, first.redelivered) == ([event(1), event(2)], 0)
    assert (again.new_events, again.new_samples, again.redelivered) == ([event(3)], [], 3)
    assert numbers(store) == [1, 2, 3]
    assert store.duplicates() == 0


def test_the_lanes_and_epochs_and_gateways_do_not_mix(store):
    added = store.add([event(1), event(1, epoch=8), event(1, gateway="gw-flats")], [sample(1)])
    assert len(added.new_events) == 3 and len(added.new_samples) == 1


def test_a_second_of_the_same_key_keeps_the_first(store):
    store.add([event(1, value=1.0)])
    store.add([event(1, value=2.0)])
    assert [e.value for e in store.events(SITE)] == [1.0]


def test_more_records_than_sqlite_takes_parameters_are_no_matter(store):
    many = [event(n) for n in range(1, 40_001)]
    assert len(store.add(many).new_events) == 40_000
    assert store.add(many).redelivered == 40_000


def test_duplicates_are_counted_where_a_table_has_them(store, path):
    """The key forbids them, so a table without the key shows that the query can count."""
    store.add([event(1), event(2)])
    with closing(sqlite3.connect(path)) as direct, direct:
        direct.execute("ALTER TABLE events RENAME TO keyed")
        direct.execute("CREATE TABLE events AS SELECT * FROM keyed")
        direct.execute("INSERT INTO events SELECT * FROM keyed WHERE n = 1")
        direct.execute("INSERT INTO events SELECT * FROM keyed")
    assert store.duplicates() == 3


# ---- how far it is whole ----


def test_the_position_stops_before_a_gap_and_jumps_when_it_is_filled(store):
    assert store.stored_upto(*SHOPS) == (0, 0)
    assert store.add([event(1), event(2), event(5)]).positions == {SHOPS: (2, 0)}
    assert store.add([event(4)], [sample(2)]).positions == {SHOPS: (2, 0)}
    assert store.add([event(3)], [sample(1)]).positions == {SHOPS: (5, 2)}
    assert store.stored_upto(*SHOPS) == (5, 2)


def test_an_alarm_that_overtakes_the_backlog_is_stored_but_moves_no_position(store):
    store.add([event(500)])
    assert store.stored_upto(*SHOPS) == (0, 0)
    assert numbers(store) == [500]


def test_what_the_gateway_lost_is_waited_for_no_more(store):
    store.add([event(10), event(11)], [sample(4)])
    assert store.forget_below(SHOPS, (10, 3)) == (11, 2)
    assert store.stored_upto(*SHOPS) == (11, 2)
    assert store.forget_below(SHOPS, (5, 1)) == (11, 2), "an older state takes nothing back"
    assert store.forget_below(SHOPS, (10, 4)) == (11, 4)


def test_what_was_given_up_and_comes_after_all_is_stored(store):
    store.forget_below(SHOPS, (10, 1))
    assert store.add([event(9), event(10)]).new_events == [event(9), event(10)]
    assert store.add([event(9)]).redelivered == 1
    assert numbers(store) == [9, 10]


def test_a_state_that_says_nothing_new_writes_nothing(store, path):
    store.forget_below(SHOPS, (10, 10))
    before = _changes(path)
    store.forget_below(SHOPS, (10, 10))
    store.forget_below(SHOPS, (1, 1))
    assert _changes(path) == before


def _changes(path: Path) -> bytes:
    return path.read_bytes() + path.with_name(path.name + "-wal").read_bytes()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.integers(1, 30), max_size=8)),
        st.tuples(st.just("forget"), st.integers(1, 30)),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=25,
)


@given(steps)
@quickly
def test_any_order_of_arrival_loss_and_restart_ends_in_the_same_truth(steps):
    stored, gone, new = set(), set(), 0
    with tempfile.TemporaryDirectory() as folder:
        store = Store(url(Path(folder) / "desk.db"))
        for what, argument in steps:
            if what == "add":
                new += len(store.add([event(n) for n in argument]).new_events)
                stored |= set(argument)
            elif what == "forget":
                store.forget_below(SHOPS, (argument, 1))
                gone |= set(range(1, argument))
            else:
                store.close()
                store = Store(url(Path(folder) / "desk.db"))
        assert numbers(store) == sorted(stored)
        assert new == len(stored)
        settled = stored | gone
        expected = next(n for n in range(1, 99) if n not in settled) - 1
        assert store.stored_upto(*SHOPS) == (expected, 0)
        assert store.duplicates() == 0
        store.close()


def _work(store: Store, events: list[Event]) -> int:
    """Return how many thousand steps SQLite's machine takes to add them: the same on every run."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    with store._engine.connect() as connection:
        driver = connection.connection.driver_connection
        driver.set_progress_handler(tick, 100)
    store.add(events)
    with store._engine.connect() as connection:
        assert connection.connection.driver_connection is driver
        driver.set_progress_handler(None, 0)
    return count


@pytest.mark.parametrize("gap", [0, 1], ids=["whole", "behind a gap"])
def test_a_batch_costs_the_same_on_a_big_table(store, gap):
    def batch(first: int) -> list[Event]:
        return [event(n) for n in range(first + gap, first + gap + 200)]

    small = _work(store, batch(1))
    store.add([event(n) for n in range(201 + gap, 20_001 + gap)])
    assert _work(store, batch(20_001)) < 2 * small + 10


# ---- all or nothing ----


def test_a_batch_that_fails_leaves_nothing_behind(store):
    with pytest.raises(StoreError):
        store.add([event(1)], [sample(1), sample(2, mean=None)])
    assert numbers(store) == []
    assert store.stored_upto(*SHOPS) == (0, 0)
    assert store.add([event(1)], [sample(1)]).redelivered == 0


def test_a_full_disk_is_told_and_nothing_is_half_stored(store):
    store.add([event(1)])

    @sa.event.listens_for(store._engine, "begin")
    def fill(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages[0]}")

    pages = [1]
    with pytest.raises(StoreError) as failed:
        store.add([event(n) for n in range(2, 5000)])
    assert "cannot be written: database or disk is full; make room" in str(failed.value)
    assert numbers(store) == [1]
    pages = [1_000_000]
    assert len(store.add([event(n) for n in range(2, 5000)]).new_events) == 4998


def test_another_writer_is_waited_for_and_then_told(monkeypatch, path):
    monkeypatch.setattr(store_module, "BUSY_MS", 50)
    with opened(path) as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked; another program holds it"):
            store.add([event(1)])
        other.rollback()
        store.add([event(1)])


def test_readers_and_the_writer_do_not_wait_for_each_other(store):
    store.add([event(n) for n in range(1, 3001)])
    reader = store.events(SITE)
    next(reader)
    store.add([event(3001)])
    assert sum(1 for _ in reader) == 2999, "a reader sees the store as it was when it began"
    assert len(numbers(store)) == 3001


# ---- opening ----


def test_it_survives_being_closed_and_opened(path):
    with opened(path) as store:
        store.add([event(1)], [sample(1)])
    with opened(path) as store:
        assert store.add([event(1), event(2)]).positions == {SHOPS: (2, 1)}


ACT = Act("bypass", "done", "desk", person=17, reason=3, minutes=240, id=0xFFFF_FFFF)


def test_an_act_is_kept_whole_beside_events_that_are_none(store):
    acted = event(2, event="act", conditions=0, changed=0, value=None, limit=None, act=ACT)
    store.add([event(1), acted])
    first, second = store.events(SITE)
    assert (first.act, second.act) == (None, ACT)
    assert replace(second, received_ms=0) == StoredEvent(
        **{name: getattr(acted, name) for name in acted.__slots__}
    )


def test_a_store_from_before_the_acts_is_brought_up_to_date_with_all_it_holds(path):
    with opened(path) as store:
        store.add([event(1)])
    with closing(sqlite3.connect(path)) as direct, direct:
        for column in ("verb", "result", "how", "person", "reason", "minutes", "command"):
            direct.execute(f"ALTER TABLE events DROP COLUMN {column}")
        direct.execute("DROP TABLE losses")
        direct.execute("DROP TABLE journals")
        direct.execute("UPDATE format SET version = 1")
    for _ in "twice":
        with opened(path) as store:
            store.add([event(2, event="act", act=ACT)])
            assert [one.act for one in store.events(SITE)] == [None, ACT]


def test_a_store_from_before_the_losses_knows_the_order_of_its_journals(path):
    with opened(path) as store:
        store.add([event(1, epoch=9)], received_ms=1)
        store.add([event(1, epoch=4)], received_ms=2)
    with closing(sqlite3.connect(path)) as direct, direct:
        direct.execute("DROP TABLE losses")
        direct.execute("DROP TABLE journals")
        direct.execute("UPDATE format SET version = 2")
    for _ in "twice":
        with opened(path) as store:
            found = [one for one in store.evidence(SITE) if one.lane == "events"]
            assert [(one.epoch, list(one.rows)) for one in found] == [(9, [(1, 1)]), (4, [(1, 1)])]


def test_another_format_is_refused_with_both_numbers(path):
    Store(url(path)).close()
    with closing(sqlite3.connect(path)) as direct, direct:
        direct.execute("UPDATE format SET version = 9")
    with pytest.raises(FiregridError, match=f"has format 9, this firegrid knows format {FORMAT};"):
        Store(url(path))


@pytest.mark.parametrize("schema", ["CREATE TABLE songs (title)", "CREATE TABLE format (version)"])
def test_somebody_elses_database_is_refused_untouched(path, schema):
    with closing(sqlite3.connect(path)) as direct, direct:
        direct.execute(schema)
    with pytest.raises(FiregridError, match="is not of ours"):
        Store(url(path))
    with closing(sqlite3.connect(path)) as direct:
        assert direct.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


def test_a_file_that_is_no_database_is_told(path):
    path.write_text("these are shopping notes, not a database\n" * 100)
    with pytest.raises(FiregridError, match="file is not a database; name another file"):
        Store(url(path))
    assert path.read_text().startswith("these are")


def test_a_file_that_may_not_be_written_is_told(path):
    with opened(path) as store:
        store.add([event(1)])
    store = Store(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert numbers(store) == [1], "reading is allowed"
    with pytest.raises(StoreError, match="let this user write to the file and its folder"):
        store.add([event(2)])
    store.close()


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(FiregridError, match="unable to open database file; make its folder"):
        Store(url(tmp_path / "no" / "desk.db"))


@pytest.mark.parametrize("address", ["", "desk.db", "carrier-pigeon://desk"])
def test_what_is_no_address_of_a_store_is_told(address):
    with pytest.raises(FiregridError, match=r"is no store: .*; write sqlite:///PATH"):
        Store(address)
