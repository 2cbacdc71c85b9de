"""The commands `firegrid site new`, `import`, `lint`, `tree`, `plan`, `explain` and `merge`: how a
site file begins and grows, what it says, and how two laptops join what they made of it."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from firegrid import words
from firegrid.errors import FiregridError
from firegrid.merge.found import Found
from firegrid.options import lang_option, state_option
from firegrid.resources import site_path
from firegrid.site.explain import explanation, sentences
from firegrid.site.lint import warnings
from firegrid.site.load import load_site
from firegrid.site.model import Site
from firegrid.site.plan import site_plan
from firegrid.site.table import added_text, read_table
from firegrid.site.template import read_template, site_text, templates
from firegrid.state import State

__all__ = ["command"]

IMPORT = "firegrid.site-import/1"
LINT = "firegrid.site-lint/1"
MERGE = "firegrid.site-merge/1"
PLAN = "firegrid.site-plan/1"
TREE = "firegrid.site-tree/1"
ONE_LINE_COLUMNS = 400  # outside a terminal nothing is wrapped

site_argument = click.argument("site")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def command() -> None:
    """Check a community's site file, show its tree, explain a point.

    SITE is the path of a site file, or the name of a shipped example such as jinshui-garden.
    """


def _list(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        for name in templates():
            click.echo(f"{name:12} {read_template(name).title}")
        ctx.exit()


@command.command()
@click.argument("template")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--id", "ident", help="The community's id; otherwise the file's name.")
@click.option("--name", help="Its name for people; otherwise the id.")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List them."
)
def new(template: str, file: Path, ident: str | None, name: str | None) -> None:
    """Write a new site file FILE with the tree and the people of TEMPLATE.

    TEMPLATE is the name of one that ships (--list), or the path of your own. A file that is there
    is never written over.
    """
    made = read_template(template)
    ident = ident or file.stem
    site = _give(file, site_text(made, ident, name or ident), {})
    click.echo(f"{file}: {_counted(site)}")


@command.command("import")
@click.argument("table", type=click.Path(dir_okay=False, path_type=Path))
@site_argument
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--skip", multiple=True, metavar="COLUMN", help="Leave a column out; several times.")
@json_option
@lang_option
def bring_in(table: Path, site: str, file: Path, skip: tuple[str, ...], as_json: bool) -> None:
    """Write FILE: the site file SITE with the gateways and points of TABLE behind it.

    TABLE is a CSV file, as a spreadsheet saves it: UTF-8 or GB 18030, one row a point. Its columns
    are the keys of a [[point]] (number, id, kind, gateway, place, input, alarm …); for a gateway
    that is new, grid, gateway_place and wifi_ssid as well. Chinese words do, too (编号, 类型 …). A
    point without a number gets the next free one. All or nothing: a mistake is told with its line,
    and FILE is not written; a file that is there is never written over.
    """
    base = load_site(site_path(site))
    read = read_table(table, skip)
    added = added_text(base, read)
    text = base.path.read_text(encoding="utf-8-sig").rstrip() + "\n" + added.text + "\n"
    made = _give(file, text, {where: f"{table}: line {n}" for where, n in added.lines.items()})
    if as_json:
        ids = {point.number: point.id for point in made.points}
        points = [{"number": n, "id": ids[n], "line": line} for n, line in added.points]
        head = {"schema": IMPORT, "table": str(table), "file": str(file)}
        _print_json(
            head | {"encoding": read.encoding, "gateways": list(added.gateways), "points": points}
        )
        return
    new = f"{len(added.gateways)} gateways and {len(added.points)} points from {table}"
    click.echo(f"{file}: {new} ({read.encoding}); {_counted(made)}")


def _give(file: Path, text: str, told_of: dict[str, str]) -> Site:
    """Write a new site file, all or nothing, and never over another. What is wrong with it is told
    of this file, or of what `told_of` says that a place in it came from."""
    if not file.parent.is_dir():
        raise FiregridError(f"{file.parent}: no such folder", "make it, or choose another one")
    part = file.with_name(file.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        site = load_site(part)
        file.hardlink_to(part)
    except FileExistsError:
        raise FiregridError(f"{file}: is there already", "choose another name") from None
    except OSError as error:
        raise FiregridError(f"{file}: cannot be written: {error.strerror or error}") from None
    except FiregridError as error:
        lines = [_told(line, part, file, told_of) for line in str(error).splitlines()]
        raise FiregridError("\n".join(lines)) from None
    finally:
        part.unlink(missing_ok=True)
    return site


def _told(line: str, part: Path, file: Path, told_of: dict[str, str]) -> str:
    rest = line.removeprefix(f"{part}: ")
    where = rest.partition(": ")[0]
    return f"{told_of.get(where, file)}: {rest}" if rest != line else line


@command.command()
@site_argument
@json_option
@lang_option
@click.pass_context
def lint(ctx: click.Context, site: str, as_json: bool) -> None:
    """Check SITE: errors end with exit code 1, warnings do not."""
    path = site_path(site)
    if as_json:
        report = _report(path)
        _print_json(report)
        ctx.exit(0 if report["ok"] else 1)
    _say(load_site(path))


@command.command()
@site_argument
@json_option
@lang_option
def tree(site: str, as_json: bool) -> None:
    """Show SITE as a tree, with every level that will be used."""
    loaded = load_site(site_path(site))
    # Imported here: rich would slow down lint, which editors and hooks call often.
    from firegrid.site.tree import site_rows, site_tree

    if as_json:
        _print_json({"schema": TREE, "site": loaded.id, "tree": site_rows(loaded)})
        return
    from rich.console import Console

    in_file = None if sys.stdout.isatty() else ONE_LINE_COLUMNS
    Console(width=in_file).print(site_tree(loaded))


@command.command()
@site_argument
@click.argument("point")
@json_option
@lang_option
def explain(site: str, point: str, as_json: bool) -> None:
    """Say what makes POINT of SITE go into each condition, and which standard says so.

    POINT is its number or its id. What the site file has changed is marked.
    """
    loaded = load_site(site_path(site))
    row = explanation(loaded, loaded.point(point))
    if as_json:
        _print_json(row)
        return
    for line in sentences(row):
        click.echo(line)


@command.command()
@site_argument
@state_option
@json_option
@lang_option
def plan(site: str, state: Path | None, as_json: bool) -> None:
    """Say what SITE needs before it can be mounted: material, labels, and what is missing."""
    path = site_path(site)
    loaded = load_site(path)
    found = site_plan(loaded, State.of(path, state))
    if as_json:
        _print_json({"schema": PLAN, "site": loaded.id} | found)
        return
    for line in _plan_lines(found):
        click.echo(line)


@command.command()
@site_argument
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@state_option
@click.option("--dry-run", is_flag=True, help="Say what would be changed, and change nothing.")
@json_option
@lang_option
def merge(site: str, directory: Path, state: Path | None, dry_run: bool, as_json: bool) -> None:
    """Take into SITE's folder what another laptop's folder DIR of the same community has.

    DIR is a copy of the other one's NAME.firegrid; nothing in it is changed. What ours lacks is
    taken; lists and records are joined; of two images that of the newer configuration stays. A key
    that its board has already is taken by nobody, and removed here. Where the two contradict each
    other, each contradiction is told and nothing is changed at all.
    """
    path = site_path(site)
    loaded = load_site(path)
    # Imported here: cryptography would slow down lint, which editors and hooks call often.
    from firegrid.merge.merging import find

    found = find(loaded.id, State.of(path, state), State(directory.resolve()))
    if not dry_run:
        found.carry_out()
    if as_json:
        changes = [
            {"what": change.what, "path": str(change.path), "added": change.added}
            for change in found.changes
        ]
        notes = [{"why": note.why, "path": str(note.path)} for note in found.notes]
        head = {"schema": MERGE, "site": loaded.id, "folder": str(found.own.directory)}
        more = {"other": str(found.other.directory), "dry_run": dry_run}
        _print_json(head | more | {"changes": changes, "notes": notes})
        return
    for line in _merge_lines(found, dry_run):
        click.echo(line)


def _merge_lines(found: Found, dry_run: bool) -> Iterator[str]:
    for change in found.changes:
        what = words.word("merge_changes", change.what)
        more = words.tell("merge.added", count=change.added) if change.added else ""
        yield words.tell("merge.line", path=change.path, what=what) + more
    for note in found.notes:
        why = words.word("merge_notes", note.why)
        yield words.tell("merge.note", path=note.path, why=why)
    told = {"folder": found.own.directory, "count": len(found.changes)}
    if not found.changes:
        yield words.tell("merge.nothing", other=found.other.directory, **told)
    else:
        yield words.tell("merge.would" if dry_run else "merge.done", **told)


def _plan_lines(found: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    gateways = sum(row["what"] == "gateway" for row in found["labels"])
    yield words.tell("plan.material")
    for row in found["material"]:
        yield f"  {row['count']:4} {row['item']}  ({_shared(row['gateways'], gateways)})"
    counts = Counter(row["what"] for row in found["labels"])
    yield words.tell("plan.labels", gateways=counts["gateway"], points=counts["point"])
    for row in found["labels"]:
        if row["what"] == "gateway":
            yield f"  {row['id']}: {row['path']} / {row['place']}"
        else:
            yield f"    {row['number']} {row['id']}: {row['place']}"
    yield words.tell("plan.missing" if found["missing"] else "plan.complete")
    for row in found["missing"]:
        yield f"  {row['where']}: {row['text']} [{row['rule']}]"


def _shared(counts: dict[str, int], gateways: int) -> str:
    """Say how many of a part each gateway gets; briefly, where all get as many."""
    if len(counts) == gateways > 1 and len(set(counts.values())) == 1:
        return words.tell("plan.each", count=next(iter(counts.values())))
    named = words.listed(f"{name} {n}" for name, n in counts.items())
    return words.tell("plan.for", gateways=named)


def _report(path: Path) -> dict[str, Any]:
    try:
        site = load_site(path)
    except FiregridError as error:
        errors = str(error).splitlines()
        return {"schema": LINT, "file": str(path), "ok": False, "errors": errors, "warnings": []}
    found = [finding._asdict() for finding in warnings(site)]
    head = {"schema": LINT, "file": str(path), "ok": True, "errors": [], "warnings": found}
    return head | {"site": site.id, "counts": _counts(site)}


def _say(site: Site) -> None:
    findings = warnings(site)
    for finding in findings:
        click.echo(words.tell("lint.warning", **finding._asdict()))
    count = len(findings)
    click.echo(words.tell("lint.verdict", file=site.path, count=count, counts=_counted(site)))


def _counted(site: Site) -> str:
    return words.listed(words.tell(f"lint.{what}", count=n) for what, n in _counts(site).items())


def _counts(site: Site) -> dict[str, int]:
    return {
        "nodes": len(site.nodes),
        "grids": len(site.grids),
        "people": len(site.people),
        "gateways": len(site.gateways),
        "points": len(site.points),
    }


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
