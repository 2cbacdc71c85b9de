"""The acceptance report as one HTML page: to read, to print and to sign by hand; nothing is
fetched."""

from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from firegrid import words
from firegrid.acceptance.drawing import MARKS, plan, timelines

__all__ = ["page"]

_STYLE = Path(__file__).with_name("report.css")


def page(report: dict[str, Any]) -> str:
    """Return the whole page, in the language that is spoken."""
    told = {key: escape(text) for key, text in words.section("acceptance_page").items()}
    title = f"{told['title']}: {escape(report['name'])}"
    verdict = words.tell(
        "acceptance.accepted" if report["accepted"] else "acceptance.not_accepted"
    )
    colour = "passed" if report["accepted"] else "open"
    style = _STYLE.read_text(encoding="utf-8")
    counts = words.tell("acceptance.counts", **report["counts"])
    head = words.tell(
        "acceptance.head", at=_local(report["at"], report), by=_named(report["by"], report)
    )
    return "\n".join(
        [
            f'<!DOCTYPE html>\n<html lang="{words.language()}"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{style}</style></head><body>",
            f"<h1>{title}</h1><p>{escape(head)}</p>",
            f'<p><span class="verdict {colour}">{escape(verdict)}</span> {escape(counts)}</p>',
            *_exceptions(report, told),
            f"<h2>{escape(words.tell('acceptance.plan'))}</h2>{plan(report)}",
            *(part for row in report["gateways"] for part in _gateway(row, report, told)),
            f'<div class="sign"><p>{told["installer"]}</p><p>{told["owner"]}</p></div>',
            f"<footer><p>{told['supplement']}</p>",
            f"<p>{told['site_file']}: {report['site_sha256']}</p></footer>",
            "</body></html>\n",
        ]
    )


def _named(person: str, report: dict[str, Any]) -> str:
    """Return a person's name where it is known, with the id."""
    name = report["names"].get(person)
    return f"{name} ({person})" if name else person


def _local(at: str, report: dict[str, Any]) -> str:
    """Return a time of a file as the site's own, with the offset."""
    moment = datetime.fromisoformat(at).astimezone(ZoneInfo(report["timezone"]))
    return moment.isoformat(sep=" ", timespec="seconds")


def _table(heads: list[str], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> str:
    """Return a table of texts that are HTML already."""
    classes = [' class="n"' if at in numbers else "" for at in range(len(heads))]
    head = "".join(f"<th{c}>{text}</th>" for c, text in zip(classes, heads, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{c}>{text}</td>" for c, text in zip(classes, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _exceptions(report: dict[str, Any], told: dict[str, str]) -> list[str]:
    """What has not passed stands first: who answers for it, and until when."""
    rows = [
        [_status(entry), escape(_name(row, entry)), *_answer(entry, report)]
        for row in report["gateways"]
        for entry in (*row["tests"], *row["points"])
        if entry["status"] != "passed"
    ]
    if not rows:
        return []
    heads = [told[key] for key in ("status", "what", "answers", "until", "why")]
    return [f"<h2>{told['exceptions']}</h2>", _table(heads, rows)]


def _answer(entry: dict[str, Any], report: dict[str, Any]) -> list[str]:
    exception = entry["exception"]
    if exception:
        owner = _named(exception["owner"], report)
        return [escape(text) for text in (owner, exception["until"], exception["why"])]
    finding = entry["finding"]
    why = words.word("walk_faults", finding["why"]) if finding else words.tell("acceptance.never")
    return ["–", "–", escape(why)]


def _name(row: dict[str, Any], entry: dict[str, Any]) -> str:
    if "test" in entry:
        return f"{row['gateway']}: {words.word('walk_tests', entry['test'])}"
    return f"{entry['point']} {entry['id']} ({entry['place']})"


def _status(entry: dict[str, Any]) -> str:
    status = entry["status"]
    text = escape(words.word("acceptance_page", status))
    return f'<span class="{status}">{MARKS[status]} {text}</span>'


def _gateway(row: dict[str, Any], report: dict[str, Any], told: dict[str, str]) -> list[str]:
    heads = ["status", "what", "method", "seen", "sounder", "desk", "rssi", "photo", "who", "when"]
    points = [_point(entry, report) for entry in row["points"]]
    tests = [_test(entry, report) for entry in row["tests"]]
    test_heads = ["status", "what", "backlog", "away", "whole", "who", "when"]
    drawn = timelines(row)
    key = (
        f'<p class="key"><i style="background:#c2410c"></i>{told["to_sounder"]}'
        f'<i style="background:#2563a8"></i>{told["to_desk"]}</p>'
    )
    return [
        f"<h2>{escape(row['gateway'])} · {escape(row['place'])}</h2>",
        *(f"<p>{escape(_before(one, report))}</p>" for one in row["before"]),
        _table([told[head] for head in heads], points, (4, 5, 6)),
        f"{key}{drawn}" if drawn else "",
        _table([told[head] for head in test_heads], tests, (2, 3, 4)),
    ]


def _before(one: dict[str, Any], report: dict[str, Any]) -> str:
    until = _local(one["until"], report)
    why = f" ({one['why']})" if one["why"] else ""
    return (
        words.tell(
            "acceptance.before", old=one["gateway"], until=until, by=_named(one["by"], report)
        )
        + why
    )


def _point(entry: dict[str, Any], report: dict[str, Any]) -> list[str]:
    what = escape(f"{entry['point']} {entry['id']}") + "<br>" + escape(entry["place"])
    finding = entry["finding"]
    if entry["status"] != "passed":
        return [_status(entry), what, *["–"] * 8]
    seen = words.listed(words.word("conditions", one.lower()) for one in finding["conditions"])
    if finding["value"] is not None:
        seen += f" {finding['value']:g} {finding['unit']}"
    within = f" ± {finding['within_ms']}"
    times = [
        "–" if finding[key] is None else f"{finding[key]}{within}"
        for key in ("sounder_ms", "desk_ms")
    ]
    rssi = "–" if finding["rssi_dbm"] is None else f"{finding['rssi_dbm']} dBm"
    return [
        _status(entry),
        what,
        escape(words.word("walk_methods", finding["method"])),
        escape(seen),
        *times,
        rssi,
        escape(finding["photo"] or "–"),
        escape(_named(finding["by"], report)),
        _local(finding["at"], report),
    ]


def _test(entry: dict[str, Any], report: dict[str, Any]) -> list[str]:
    what = escape(words.word("walk_tests", entry["test"]))
    finding = entry["finding"]
    if entry["status"] != "passed":
        return [_status(entry), what, *["–"] * 5]
    away = "–" if finding["away_ms"] is None else f"{finding['away_ms'] / 1000:.1f} s"
    whole = f"{finding['backlog_ms'] / 1000:.1f} s"
    who = escape(_named(finding["by"], report))
    when = _local(finding["at"], report)
    return [_status(entry), what, str(finding["backlog"]), away, whole, who, when]
