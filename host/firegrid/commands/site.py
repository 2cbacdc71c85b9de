"""The commands `firegrid site lint`, `tree` and `explain`: what a site file says."""

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
