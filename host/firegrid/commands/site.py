"""The commands `firegrid site new`, `lint`, `tree` and `explain`: how a site file begins, and what
it says."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from firegrid import words
from firegrid.errors import FiregridError
from firegrid.options import lang_option
from firegrid.resources import site_path
from firegrid.site.explain import explanation, sentences
from firegrid.site.lint import warnings
from firegrid.site.load import load_site
from firegrid.site.model import Site
from firegrid.site.template import read_template, site_text, templates

__all__ = ["command"]

LINT = "firegrid.site-lint/1"
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
    text = site_text(made, ident, name or ident)
    if not file.parent.is_dir():
        raise FiregridError(f"{file.parent}: no such folder", "make it, or choose another one")
    part = file.with_name(file.name + ".part")
    part.write_text(text, encoding="utf-8")
    try:
        site = load_site(part)
        try:
            file.hardlink_to(part)  # all or nothing, and never over another
        except FileExistsError:
            raise FiregridError(f"{file}: is there already", "choose another name") from None
    except FiregridError as error:
        raise FiregridError(str(error).replace(str(part), str(file))) from None
    finally:
        part.unlink()
    counts = words.listed(words.tell(f"lint.{what}", count=n) for what, n in _counts(site).items())
    click.echo(f"{file}: {counts}")


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
    counts = words.listed(
        words.tell(f"lint.{what}", count=count) for what, count in _counts(site).items()
    )
    verdict = words.tell("lint.verdict", file=site.path, count=len(findings), counts=counts)
    click.echo(verdict)


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
