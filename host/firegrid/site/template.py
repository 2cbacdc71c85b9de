"""A new site file from a template: the tree of a community as data, its ratios included."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from firegrid import words
from firegrid.errors import FiregridError
from firegrid.site.document import read_document, toml_table
from firegrid.site.fields import Fields, Problems

__all__ = ["Template", "read_template", "site_text", "templates"]

FORMAT = 1
PLACES_MAX = 5000
_HINT = """
# A gateway, and a point at it, look like this:
#
# [[gateway]]
# id = "gw-1"
# grid = "grid-1"
# place = "Where the board hangs"
#
# [[point]]
# number = 1
# id = "smoke-1"
# kind = "smoke"
# gateway = "gw-1"
# place = "Where the detector hangs"
# input = "gpio34"
"""
_FOLDER = Path(__file__).parents[1] / "templates"


@dataclass(frozen=True, slots=True)
class Level:
    """A level of the tree: what kind of places, and how many in each place above."""

    kind: str
    name: str
    each: int


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody in each grid, or several."""

    id: str
    roles: tuple[str, ...]
    each: int


@dataclass(frozen=True, slots=True)
class Template:
    """What a new site file is made from."""

    name: str
    title: str
    source: str
    levels: tuple[Level, ...]
    grid: Level
    households: int
    residents: int
    workers: tuple[Worker, ...]


def templates() -> dict[str, Path]:
    """Return the templates that ship, by name."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def read_template(name: str) -> Template:
    """Return a template by its name, or by the path of a file of one's own; raise FiregridError
    where there is none such, with a line for each mistake in it."""
    known = templates()
    path = known.get(name, Path(name))
    if name not in known and not path.is_file():
        raise FiregridError(f'"{name}" is no template', f"there are: {', '.join(known)}")
    problems = Problems(path)
    fields = Fields(read_document(path, FORMAT, "template"), "", problems)
    rows = [Fields(row, "[[level]]", problems) for row in fields.tables("level")]
    levels = tuple(_level(row, row.choice("kind", words.section("nodes"))) for row in rows)
    own = fields.take("grid", {})
    grid = Fields(own if isinstance(own, dict) else {}, "[grid]", problems)
    workers = [Fields(row, "[[worker]]", problems) for row in fields.tables("worker")]
    made = Template(
        path.stem,
        fields.text("title"),
        fields.text("source"),
        levels,
        Level("grid", grid.text("name"), grid.count("each", 1, PLACES_MAX, 1) or 1),
        grid.count("households", 0, 1_000_000, 0) or 0,
        grid.count("residents", 0, 10_000_000, 0) or 0,
        tuple(
            Worker(row.ident("id"), row.idents("roles"), row.count("each", 1, 100, 1) or 1)
            for row in workers
        ),
    )
    for one in (fields, grid, *rows, *workers):
        one.end()
    if not made.levels:
        problems.add("", "level", "is missing; a template has at least one")
    if not any("grid-leader" in worker.roles for worker in made.workers):
        problems.add("", "worker", "one with the role grid-leader is missing")
    for worker in made.workers:
        for role in worker.roles:
            if role not in words.section("roles"):
                known_roles = ", ".join(words.section("roles"))
                problems.add(f"worker {worker.id}", "roles", f"{role} is none of {known_roles}")
    problems.refuse_any()
    return made


def _level(row: Fields, kind: str) -> Level:
    return Level(kind, row.text("name"), row.count("each", 1, PLACES_MAX, 1) or 1)


def site_text(template: Template, ident: str, name: str) -> str:
    """Return the text of a new site file: the whole tree and its people, and how to go on."""
    return "\n".join(_lines(template, ident, name))


def _lines(template: Template, ident: str, name: str) -> Iterator[str]:
    yield f"# {name}: made by `firegrid site new {template.name}`. It is yours now: rename places,"
    yield "# then add gateways and points. `firegrid site lint FILE` tells you what does not fit."
    yield f"# The shape is {template.title}."
    yield f"# Source: {template.source}."
    yield ""
    yield "format = 1"
    yield from toml_table("", id=ident, name=name, timezone="Asia/Shanghai")
    parents = [""]
    for level in template.levels:
        parents = yield from _places(level, parents)
    yield from _grids(template, parents)
    yield _HINT


def _places(level: Level, parents: list[str]) -> Generator[str, None, list[str]]:
    """Yield the nodes of a level; return their ids."""
    under = [parent for parent in parents for _ in range(level.each)]
    _check(len(under), level.kind)
    for n, parent in enumerate(under, 1):
        place = level.name if len(under) == 1 else f"{level.name} {n}"
        yield from toml_table("node", id=f"{level.kind}-{n}", kind=level.kind, name=place)
        if parent:
            yield from toml_table("", parent=parent)
    return [f"{level.kind}-{n}" for n in range(1, len(under) + 1)]


def _grids(template: Template, parents: list[str]) -> Iterator[str]:
    """Yield every grid with its people."""
    under = [parent for parent in parents for _ in range(template.grid.each)]
    _check(len(under), "grid")
    numbers = count(1)
    for n, parent in enumerate(under, 1):
        workers = list(_workers(template, n))
        leader = next(worker for worker, roles in workers if "grid-leader" in roles)
        members = [worker for worker, _ in workers if worker != leader]
        yield from toml_table(
            "grid", id=f"grid-{n}", name=f"{template.grid.name} {n}", parent=parent
        )
        yield from toml_table("", leader=leader, members=members)
        yield from toml_table("", households=template.households, residents=template.residents)
        for worker, roles in workers:
            yield from toml_table("person", id=worker, roles=list(roles), number=next(numbers))


def _workers(template: Template, grid: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    for worker in template.workers:
        for n in range(1, worker.each + 1):
            more = f"-{n}" if worker.each > 1 else ""
            yield f"{worker.id}-{grid}{more}", worker.roles


def _check(places: int, kind: str) -> None:
    if places > PLACES_MAX:
        raise FiregridError(f"{places} times {kind}: a site file has at most {PLACES_MAX} of each")
