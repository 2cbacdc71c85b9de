"""The command `firegrid accept`: the signed report of what walk tests found, and its check."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from firegrid import words
from firegrid.acceptance.page import page
from firegrid.acceptance.replacing import before
from firegrid.acceptance.report import build, read_exceptions
from firegrid.acceptance.results import Results, utc
from firegrid.acceptance.seal import Signer, Verdict, sealed, verify
from firegrid.errors import FiregridError
from firegrid.files import write_file
from firegrid.identity import Authority
from firegrid.options import lang_option, state_option
from firegrid.passphrase import passphrase_options, read_passphrase
from firegrid.people import names_of
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid.state import State

__all__ = ["command"]

SCHEMA = "firegrid.accept/1"
VERIFY_SCHEMA = "firegrid.accept-verify/1"
NOT_SO = 3  # exit code: something is open, or the report is not what was signed


@click.command()
@click.argument("site", required=False)
@click.option(
    "--by",
    metavar="PERSON",
    envvar="FIREGRID_PERSON",
    help="Who hands over: an id of the site file. [env: FIREGRID_PERSON]",
)
@click.option(
    "--except",
    "exceptions",
    nargs=4,
    multiple=True,
    metavar="WHAT OWNER DATE WHY",
    help="Something that has not passed: a point, or GATEWAY/power, GATEWAY/network; who answers "
    "for it until when, and why. May be given again.",
)
@passphrase_options
@state_option
@click.option(
    "--verify",
    "report",
    metavar="REPORT",
    type=click.Path(path_type=Path),
    help="Check a report instead; its .html, .json and .sig lie together.",
)
@click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The community's CA certificate, for --verify.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@lang_option
@click.pass_context
def command(ctx: click.Context, /, site: str | None, as_json: bool, **given: Any) -> None:
    """Write SITE's acceptance report: HTML to print, JSON, and a signature over both.

    It tells of every point, power test and network test what `firegrid walktest` found. Exit code
    3: something has neither passed nor anybody who answers for it; with --verify: the report is
    not what was signed.
    """
    if site and given["report"]:
        raise click.UsageError(
            f"--verify checks one report, and needs no SITE: what is {site}? Where * stands for "
            "several reports, name one"
        )
    if not site and not given["report"]:
        raise click.UsageError("name a SITE, or a report with --verify REPORT")
    if given["report"]:
        verdict = _verify(given["report"], given["ca"])
        _show(_verdict_row(given["report"], verdict), _verdict_lines(verdict), as_json)
        ctx.exit(NOT_SO if verdict.faults else 0)
    if not given["by"]:
        raise click.UsageError("name who hands over with --by PERSON")
    row = _write(str(site), given)
    _show(row, _lines(row), as_json)
    ctx.exit(0 if row["accepted"] else NOT_SO)


def _show(row: dict[str, Any], lines: Iterator[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)


# ---- to write ----


def _write(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Write the three files, the signature last; return what was written."""
    site = load_site(site_path(name))
    by = given["by"]
    if by not in {person.id for person in site.people}:
        raise FiregridError(f"{by} is nobody in the site file", "name a person by id")
    state = State.of(site_path(name), given["state"])
    now_s = time.time()
    today = datetime.fromtimestamp(now_s, ZoneInfo(site.timezone)).date()
    exceptions = read_exceptions(given["exceptions"], site, today)
    rows = Results(state.reports, site.id).rows()
    exchanged = {gateway.id: before(state, gateway.id) for gateway in site.gateways}
    report = build(site, rows, exceptions, by, utc(now_s), exchanged, names_of(state, site))
    signer = open_signer(state, read_passphrase(given["passphrase_file"], given["passphrase_fd"]))
    parts = {
        "html": page(report).encode(),
        "json": (json.dumps(report, ensure_ascii=False, indent=2) + "\n").encode(),
    }
    parts["sig"] = sealed(parts, site.id, report["at"], signer)
    stamp = report["at"][:19].replace("-", "").replace(":", "") + "Z"
    state.make().reports.mkdir(mode=0o700, exist_ok=True)
    files = {part: state.reports / f"acceptance-{site.id}-{stamp}.{part}" for part in parts}
    for part, path in files.items():
        write_file(path, parts[part])
    entries = [entry for row in report["gateways"] for entry in (*row["tests"], *row["points"])]
    return {
        "schema": SCHEMA,
        "site": site.id,
        "accepted": report["accepted"],
        **report["counts"],
        "open_points": [e["id"] for e in entries if e["status"] == "open" and "id" in e],
        "open_tests": [
            {"gateway": row["gateway"], "test": test["test"]}
            for row in report["gateways"]
            for test in row["tests"]
            if test["status"] == "open"
        ],
        "files": {part: str(path) for part, path in files.items()},
    }


def open_signer(state: State, passphrase: str) -> Signer:
    """Return the community's signing key, as `firegrid ca init` made it."""
    return Authority.load(state, passphrase)


def _lines(row: dict[str, Any]) -> Iterator[str]:
    counts = {key: row[key] for key in ("points", "passed", "excepted", "open")}
    verdict = words.tell("acceptance.accepted" if row["accepted"] else "acceptance.not_accepted")
    yield f"{verdict} {words.tell('acceptance.counts', **counts)}"
    tests = [f"{t['gateway']}/{t['test']}" for t in row["open_tests"]]
    if left := words.listed([*row["open_points"], *tests]):
        yield words.tell("acceptance.left", left=left)
    yield from row["files"].values()


# ---- to check ----


def _verify(report: Path, ca: Path | None) -> Verdict:
    if ca is None:
        raise click.UsageError("name the community's CA certificate with --ca FILE")
    return verify(report, ca.read_bytes())


def _verdict_row(report: Path, verdict: Verdict) -> dict[str, Any]:
    return {
        "schema": VERIFY_SCHEMA,
        "report": str(report),
        "ok": not verdict.faults,
        "site": verdict.site or None,
        "signed_at": verdict.signed_at or None,
        "signer": verdict.signer or None,
        "faults": verdict.faults,
    }


def _verdict_lines(verdict: Verdict) -> Iterator[str]:
    for fault in verdict.faults:
        why = words.word("seal_faults", fault["why"])
        yield words.tell("acceptance.fault", part=fault["part"], why=why)
    if not verdict.faults:
        told = {"site": verdict.site, "at": verdict.signed_at, "signer": verdict.signer}
        yield words.tell("acceptance.unchanged", **told)
