"""The desk's memory: every event and sample once, and how far each gateway's journal is safe.

SQLite in WAL mode by default; what only SQLite knows stands at the end, the rest is portable
SQLAlchemy Core. A record's key is (site, gateway, epoch, n) in its lane, so what arrives twice is
stored once. The ledger keeps runs of numbers that are settled: stored here, or gone for good at
the gateway. "Up to where is nothing missing" is then the end of the first run, however many
records there are. What a gateway let go before it came stands in the losses, with what it said.
"""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy import exc

from firegrid.errors import FiregridError
from firegrid.wire import Act, Event, Sample

__all__ = [
    "FORMAT",
    "Added",
    "Evidence",
    "Journal",
    "Loss",
    "Runs",
    "Store",
    "StoreError",
    "StoredEvent",
]

FORMAT = 3
BEFORE_ACTS = 1  # a store of this format lacks the columns of acts, and:
BEFORE_LOSSES = 2  # a store of this format only lacks the order of the journals and the losses
BUSY_MS = 5000  # how long to wait for another program that is writing
KEYS_PER_QUERY = 5000  # SQLite takes 32,766 parameters at once

Journal: TypeAlias = tuple[str, str, int]  # site, gateway, epoch
Record: TypeAlias = Event | Sample


class StoreError(FiregridError):
    """The database cannot be used now: full, locked, gone. Nothing of the call was stored."""


@dataclass(frozen=True, slots=True)
class StoredEvent(Event):
    """An event, and when the desk got it (Unix time in milliseconds)."""

    received_ms: int = 0


@dataclass(frozen=True, slots=True)
class Added:
    """What one `add` did; `positions`: (events, samples) stored up to, per journal touched."""

    new_events: list[Event]
    new_samples: list[Sample]
    redelivered: int
    positions: dict[Journal, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Loss:
    """Numbers that never came and that their gateway does not hold any more, as it said itself."""

    first: int
    last: int
    stored: int  # a desk had told the gateway that it has everything up to here
    told: int  # how many the gateway had lost since its start


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the store knows of one lane of one journal: enough to find and name each hole."""

    gateway: str
    epoch: int
    lane: str
    rows: "Runs"  # which numbers are there
    settled: "Runs"  # which numbers `down/stored` may have covered
    losses: list[Loss]
    lost_told: bool  # whether an event says that records of this lane went


class Runs:
    """Whole numbers as disjoint runs, first to last, in order."""

    def __init__(self, runs: Iterable[tuple[int, int]] = ()) -> None:
        ordered = sorted(runs)
        self._firsts = [first for first, _ in ordered]
        self._lasts = [last for _, last in ordered]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._firsts, self._lasts, strict=True)

    def __contains__(self, n: int) -> bool:
        at = bisect_right(self._firsts, n)
        return at > 0 and n <= self._lasts[at - 1]

    def add(self, first: int, last: int) -> None:
        """Put in all of first..last; runs that touch become one."""
        low = bisect_left(self._lasts, first - 1)
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first = min(first, self._firsts[low])
            last = max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def within(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the runs, cut to first..last."""
        at = bisect_left(self._lasts, first)
        while at < len(self._firsts) and self._firsts[at] <= last:
            yield max(first, self._firsts[at]), min(last, self._lasts[at])
            at += 1

    def gaps(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield what is not in the runs, from first to last."""
        for begin, end in self.within(first, last):
            if begin > first:
                yield first, begin - 1
            first = end + 1
        if first <= last:
            yield first, last

    @property
    def last(self) -> int:
        """The highest number, 0 where there is none."""
        return self._lasts[-1] if self._lasts else 0

    def upto(self) -> int:
        """Return the number up to which nothing is missing, counted from 1."""
        return self._lasts[0] if self._firsts and self._firsts[0] <= 1 else 0


class Store:
    """Open it with an SQLAlchemy URL; it makes its tables, or refuses those of another format."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._writer = self._engine.execution_options(writes=True)
        self._name = self._engine.url.database or url
        self.noted = 0  # losses since it was opened
        try:
            with self._plain_errors("opened"), self._writer.begin() as connection:
                self._prepare(connection)
        except FiregridError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def add(
        self,
        events: Sequence[Event],
        samples: Sequence[Sample] = (),
        received_ms: int | None = None,
    ) -> Added:
        """Store what is new, all or nothing, and return once it is safe on the disk."""
        received = {"received_ms": _now_ms() if received_ms is None else received_ms}
        journals = list(
            dict.fromkeys(_journal(record) for lane in (events, samples) for record in lane)
        )
        if not journals:
            return Added([], [], 0, {})
        with self._writing() as connection:
            ledger = _Ledger(connection, journals)
            new_events = _insert(connection, _events, events, ledger, received)
            new_samples = _insert(connection, _samples, samples, ledger, {})
            ledger.save(connection)
        redelivered = len(events) + len(samples) - len(new_events) - len(new_samples)
        return Added(new_events, new_samples, redelivered, ledger.positions())

    def forget_below(
        self,
        journal: Journal,
        first: tuple[int, int],
        stored: tuple[int, int] = (0, 0),
        lost: tuple[int, int] = (0, 0),
    ) -> tuple[int, int]:
        """The gateway has no event and sample older than `first`: wait no more for it.

        What never came is kept as a loss, with what the gateway says of it: up to where a desk
        told it `stored`, and how many it has `lost`. Return the positions.
        """
        below = {lane: n - 1 for lane, n in zip(_LANES, first, strict=True)}
        said = dict(zip(_LANES, zip(stored, lost, strict=True), strict=True))
        with self._reading() as connection:
            ledger = _Ledger(connection, [journal])
        if all(runs.upto() >= below[lane] for lane, runs in ledger.lanes(journal)):
            return ledger.positions()[journal]
        with self._writing() as connection:
            ledger = _Ledger(connection, [journal])
            losses = []
            for lane, runs in ledger.lanes(journal):
                for gap in runs.gaps(1, below[lane]):
                    losses.append((*journal, lane, *gap, *said[lane]))
                if below[lane] > 0:
                    runs.add(1, below[lane])
            ledger.save(connection)
            if losses:
                rows = [dict(zip(_losses.c.keys(), row, strict=True)) for row in losses]
                connection.execute(_losses.insert(), rows)
        self.noted += len(losses)
        return ledger.positions()[journal]

    def stored_upto(self, site: str, gateway: str, epoch: int) -> tuple[int, int]:
        """Return up to which event and which sample nothing is missing any more."""
        journal = (site, gateway, epoch)
        with self._reading() as connection:
            return _Ledger(connection, [journal]).positions()[journal]

    def events(self, site: str, gateway: str | None = None) -> Iterator[StoredEvent]:
        """Yield a site's events by gateway, epoch and number, without holding them all."""
        columns = [_events.c[name] for name in (*_SAID[Event], "received_ms", *_ACT_COLUMNS)]
        query = sa.select(*columns).where(_events.c.site == site)
        if gateway is not None:
            query = query.where(_events.c.gateway == gateway)
        query = query.order_by(_events.c.gateway, _events.c.epoch, _events.c.n)
        with self._reading() as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield _stored_event(row)

    def evidence(self, site: str) -> list[Evidence]:
        """Return what tells of holes: by gateway, its journals in the order of their coming."""
        with self._reading() as connection:
            rows = {lane: _runs_of_rows(connection, site, lane) for lane in _LANES}
            settled = _by_place(connection, _runs, site)
            losses = _by_place(connection, _losses, site)
            told = _lost_told(connection, site)
            of_site = sa.select(_journals).where(_journals.c.site == site)
            order = of_site.order_by(_journals.c.gateway, _journals.c.met)
            journals = [tuple(row[1:3]) for row in connection.execute(order)]
        return [
            Evidence(
                *(gateway, epoch, lane),
                rows=Runs(rows[lane].get((gateway, epoch), ())),
                settled=Runs(settled.get((gateway, epoch, lane), ())),
                losses=[Loss(*row) for row in losses.get((gateway, epoch, lane), ())],
                lost_told=(gateway, epoch, lane) in told,
            )
            for gateway, epoch in journals
            for lane in _LANES
        ]

    def duplicates(self) -> int:
        """Count the rows beyond the first of each key, in both lanes."""
        with self._reading() as connection:
            return sum(connection.scalar(_beyond_the_first(lane)) or 0 for lane in _LANES.values())

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._plain_errors("written"), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._plain_errors("read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _plain_errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except (exc.DataError, exc.ProgrammingError):
            raise  # what we handed in is wrong, not the database: trying again is no use
        except exc.DBAPIError as error:
            raise StoreError(
                f"the store {self._name} cannot be {done}: {error.orig}", _advice(str(error.orig))
            ) from error

    def _prepare(self, connection: sa.Connection) -> None:
        names = sa.inspect(connection).get_table_names()
        if not names:
            _metadata.create_all(connection)
            connection.execute(_format.insert().values(version=FORMAT))
            return
        found = connection.scalar(sa.select(_format.c.version)) if "format" in names else None
        if found == BEFORE_ACTS:
            found = _add_acts(connection)
        if found == BEFORE_LOSSES:
            found = _add_losses(connection)
        if found != FORMAT:
            seen = "is not of ours" if found is None else f"has format {found}"
            raise FiregridError(
                f"the store {self._name} {seen}, this firegrid knows format {FORMAT}",
                hint="use the firegrid that wrote it, or name another file",
            )


# ---- tables ----

_metadata = sa.MetaData()
_format = sa.Table("format", _metadata, sa.Column("version", sa.Integer, nullable=False))


def _journal_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("site", sa.String, primary_key=True),
        sa.Column("gateway", sa.String, primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    ]


def _lane(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        _metadata,
        *_journal_columns(),
        sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("boot", sa.Integer, nullable=False),
        sa.Column("up_s", sa.BigInteger, nullable=False),
        sa.Column("up_ms", sa.Integer, nullable=False),
        sa.Column("time_s", sa.BigInteger),  # Unix time, UTC
        sa.Column("time_quality", sa.String, nullable=False),
        sa.Column("point", sa.Integer, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        *columns,
        sqlite_with_rowid=False,
    )


# What an act says besides; null in every other event.
_ACT_COLUMNS = {
    "verb": sa.String,
    "result": sa.String,
    "how": sa.String,
    "person": sa.Integer,
    "reason": sa.Integer,
    "minutes": sa.Integer,
    "command": sa.BigInteger,  # the id of the command that it answers, 0: none
}
_events = _lane(
    "events",
    sa.Column("event", sa.String, nullable=False),
    sa.Column("conditions", sa.Integer, nullable=False),
    sa.Column("changed", sa.Integer, nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("unit", sa.String, nullable=False),
    sa.Column("limit", sa.Float),
    sa.Column("code", sa.Integer, nullable=False),
    sa.Column("received_ms", sa.BigInteger, nullable=False),  # Unix time, UTC, by the desk's clock
    *[sa.Column(name, kind) for name, kind in _ACT_COLUMNS.items()],
)
_samples = _lane(
    "samples",
    sa.Column("interval_s", sa.Integer, nullable=False),
    sa.Column("min", sa.Float, nullable=False),
    sa.Column("mean", sa.Float, nullable=False),
    sa.Column("max", sa.Float, nullable=False),
    sa.Column("last", sa.Float, nullable=False),
    sa.Column("unit", sa.String, nullable=False),
)
_LANES = {"events": _events, "samples": _samples}
_SAID: dict[type, list[str]] = {  # the columns that are fields of the record itself
    kind: [field.name for field in fields(kind) if field.name != "act"] for kind in (Event, Sample)
}
_runs = sa.Table(
    "ledger",
    _metadata,
    *_journal_columns(),
    sa.Column("lane", sa.String, primary_key=True),
    sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

_journals = sa.Table(
    "journals",
    _metadata,
    *_journal_columns(),
    sa.Column("met", sa.BigInteger, nullable=False),  # counts on: which came after which
    sqlite_with_rowid=False,
)
_losses = sa.Table(
    "losses",
    _metadata,
    *_journal_columns(),
    sa.Column("lane", sa.String, primary_key=True),
    sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("stored", sa.BigInteger, nullable=False),
    sa.Column("told", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


def _add_acts(connection: sa.Connection) -> int:
    """Bring a store from before the acts one format on; return that."""
    for name in _ACT_COLUMNS:
        column = sa.schema.CreateColumn(_events.c[name]).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE events ADD COLUMN {column}")
    connection.execute(_format.update().values(version=BEFORE_LOSSES))
    return BEFORE_LOSSES


def _add_losses(connection: sa.Connection) -> int:
    """Bring a store from before the losses one format on; return that."""
    _metadata.create_all(connection, [_journals, _losses])
    key = _runs.c.site, _runs.c.gateway, _runs.c.epoch
    of_journal = [ours == theirs for ours, theirs in zip(_journal_key(_events), key, strict=True)]
    heard = sa.select(sa.func.min(_events.c.received_ms)).where(*of_journal).scalar_subquery()
    found = connection.execute(sa.select(*key, heard.label("heard")).distinct()).all()
    journals = [tuple(row[:3]) for row in sorted(found, key=lambda row: row[3] or 0)]
    _meet(connection, journals)
    connection.execute(_format.update().values(version=FORMAT))
    return FORMAT


def _journal_key(table: sa.Table) -> tuple[sa.Column[Any], ...]:
    return table.c.site, table.c.gateway, table.c.epoch


def _meet(connection: sa.Connection, journals: Iterable[Journal]) -> None:
    """Remember journals that are new, in the order of their coming."""
    last = connection.scalar(sa.select(sa.func.max(_journals.c.met))) or 0
    rows = [
        dict(zip(_journals.c.keys(), (*journal, met), strict=True))
        for met, journal in enumerate(journals, last + 1)
    ]
    if rows:
        connection.execute(_journals.insert(), rows)


def _runs_of_rows(
    connection: sa.Connection, site: str, name: str
) -> dict[tuple[str, int], list[tuple[int, int]]]:
    """Return which numbers stand in a lane's table, by gateway and epoch."""
    lane = _LANES[name]
    at = sa.func.row_number().over(partition_by=(lane.c.gateway, lane.c.epoch), order_by=lane.c.n)
    numbered = (
        sa.select(lane.c.gateway, lane.c.epoch, lane.c.n, (lane.c.n - at).label("run"))
        .where(lane.c.site == site)
        .subquery()
    )
    c = numbered.c
    runs = sa.select(c.gateway, c.epoch, sa.func.min(c.n), sa.func.max(c.n)).group_by(
        c.gateway, c.epoch, c.run
    )
    found: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for gateway, epoch, first, last in connection.execute(runs):
        found.setdefault((gateway, epoch), []).append((first, last))
    return found


def _by_place(
    connection: sa.Connection, table: sa.Table, site: str
) -> dict[tuple[str, int, str], list[Any]]:
    """Return the rows of a table by gateway, epoch and lane, without their keys."""
    found: dict[tuple[str, int, str], list[Any]] = {}
    for row in connection.execute(sa.select(table).where(table.c.site == site)):
        found.setdefault(tuple(row[1:4]), []).append(tuple(row[4:]))
    return found


def _lost_told(connection: sa.Connection, site: str) -> set[tuple[str, int, str]]:
    """Return the lanes of which an event says that records went; `changed` is the lane."""
    lost = sa.select(_events.c.gateway, _events.c.epoch, _events.c.changed).distinct()
    said = lost.where(_events.c.site == site, _events.c.event == "lost")
    names = list(_LANES)
    return {
        (gateway, epoch, names[lane])
        for gateway, epoch, lane in connection.execute(said)
        if lane < len(names)
    }


def _beyond_the_first(lane: sa.Table) -> sa.Select[Any]:
    key = (lane.c.site, lane.c.gateway, lane.c.epoch, lane.c.n)
    groups = sa.select((sa.func.count(lane.c.n) - 1).label("more")).group_by(*key).subquery()
    return sa.select(sa.func.sum(groups.c.more))


# ---- one transaction's work ----


class _Ledger:
    """The runs of some journals, as one transaction sees and changes them."""

    def __init__(self, connection: sa.Connection, journals: Collection[Journal]) -> None:
        self._found: dict[tuple[Journal, str], set[tuple[int, int]]] = {
            (journal, lane): set() for journal in journals for lane in _LANES
        }
        for site, gateway, epoch, lane, first, last in _select_runs(connection, set(journals)):
            found = self._found.get(((site, gateway, epoch), lane))
            if found is not None:
                found.add((first, last))
        self._now = {place: Runs(found) for place, found in self._found.items()}

    def runs(self, journal: Journal, lane: str) -> Runs:
        return self._now[journal, lane]

    def lanes(self, journal: Journal) -> list[tuple[str, Runs]]:
        return [(lane, self._now[journal, lane]) for lane in _LANES]

    def positions(self) -> dict[Journal, tuple[int, int]]:
        return {
            journal: (runs.upto(), self._now[journal, "samples"].upto())
            for (journal, lane), runs in self._now.items()
            if lane == "events"
        }

    def save(self, connection: sa.Connection) -> None:
        known = {journal for (journal, _), found in self._found.items() if found}
        met = {journal for (journal, _), runs in self._now.items() if runs.last}
        journals = dict.fromkeys(journal for journal, _ in self._found)
        _meet(connection, [one for one in journals if one in met and one not in known])
        gone, come = [], []
        for (journal, lane), runs in self._now.items():
            found, now = self._found[journal, lane], set(runs)
            gone += [_run_row(journal, lane, run) for run in found - now]
            come += [_run_row(journal, lane, run) for run in now - found]
        if gone:
            connection.execute(_DELETE_RUN, gone)
        if come:
            connection.execute(_runs.insert(), come)


_DELETE_RUN = _runs.delete().where(
    *[column == sa.bindparam(f"_{column.name}") for column in _runs.primary_key]
)


def _run_row(journal: Journal, lane: str, run: tuple[int, int]) -> dict[str, Any]:
    row = dict(zip(_runs.c.keys(), (*journal, lane, *run), strict=True))
    return row | {f"_{key}": value for key, value in row.items()}


def _select_runs(connection: sa.Connection, journals: set[Journal]) -> Iterator[Sequence[Any]]:
    """Yield the rows of these journals' gateways: a few more than asked, by plain columns."""
    of_sites = _runs.c.site.in_({site for site, _, _ in journals})
    for some in _in_lots(sorted({gateway for _, gateway, _ in journals})):
        yield from connection.execute(sa.select(_runs).where(of_sites, _runs.c.gateway.in_(some)))


def _insert(
    connection: sa.Connection,
    lane: sa.Table,
    records: Sequence[Any],
    ledger: _Ledger,
    more: dict[str, Any],
) -> list[Any]:
    """Insert the records that are not there yet; return them."""
    by_journal: dict[Journal, dict[int, Any]] = {}
    for record in records:
        by_journal.setdefault(_journal(record), {}).setdefault(record.n, record)
    new: list[Any] = []
    for journal, by_n in by_journal.items():
        runs = ledger.runs(journal, lane.name)
        settled = [n for n in by_n if n in runs]
        if settled:  # stored, or given up and came after all
            for n in _present(connection, lane, journal, settled):
                del by_n[n]
        for n in by_n:
            runs.add(n, n)
        new += by_n.values()
    if new:
        names = _SAID[type(new[0])]
        values = attrgetter(*names)
        rows = [dict(zip(names, values(record), strict=True)) | more for record in new]
        if lane is _events:
            for row, event in zip(rows, new, strict=True):
                row.update(_act_row(event.act))
        connection.execute(lane.insert(), rows)
    return new


_NO_ACT: dict[str, Any] = dict.fromkeys(_ACT_COLUMNS)
_act_values = attrgetter(*[field.name for field in fields(Act)])  # in the order of the columns


def _act_row(act: Act | None) -> dict[str, Any]:
    return _NO_ACT if act is None else dict(zip(_NO_ACT, _act_values(act), strict=True))


def _stored_event(row: Sequence[Any]) -> StoredEvent:
    said = dict(zip((*_SAID[Event], "received_ms"), row, strict=False))
    act = row[len(said) :]
    return StoredEvent(**said, act=None if act[0] is None else Act(*act))


def _present(
    connection: sa.Connection, lane: sa.Table, journal: Journal, numbers: list[int]
) -> Iterator[int]:
    site, gateway, epoch = journal
    of_journal = (lane.c.site == site, lane.c.gateway == gateway, lane.c.epoch == epoch)
    for some in _in_lots(numbers):
        yield from connection.scalars(sa.select(lane.c.n).where(*of_journal, lane.c.n.in_(some)))


def _in_lots(keys: list[Any]) -> Iterator[list[Any]]:
    for at in range(0, len(keys), KEYS_PER_QUERY):
        yield keys[at : at + KEYS_PER_QUERY]


def _journal(record: Record) -> Journal:
    return record.site, record.gateway, record.epoch


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _engine(url: str) -> sa.Engine:
    try:
        engine = sa.create_engine(url)
    except (exc.ArgumentError, ModuleNotFoundError) as error:
        raise FiregridError(f"{url!r} is no store: {error}", "write sqlite:///PATH") from error
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine)
    return engine


# ---- SQLite ----


def _tune_sqlite(engine: sa.Engine) -> None:
    """Let readers go on while one writes, and a commit mean: on the disk."""

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _advice(seen: str) -> str:
    advice = {
        "full": "make room on its disk",
        "locked": "another program holds it: end that one",
        "readonly": "let this user write to the file and its folder",
        "unable to open": "make its folder, or name another file",
        "not a database": "name another file: this one is something else",
        "malformed": "it is damaged: bring back a copy",
    }
    return next((hint for word, hint in advice.items() if word in seen), "")
