"""The pictures of an acceptance report, as SVG: the plan with every point, and the timelines."""

from html import escape
from typing import Any

from firegrid import words

__all__ = ["MARKS", "plan", "timelines"]

WIDTH = 960
MARKS = {"passed": "✓", "excepted": "!", "open": "✗"}  # never by colour alone
COLOURS = {"passed": "#1b7f4b", "excepted": "#b36b00", "open": "#b3261e"}
CARD_W, CARD_H, GAP, PAD = 220, 40, 8, 14
PER_ROW = 4
LABEL_W, BAR_H, ROW_H = 230, 12, 26
INK, PAPER, LINE = "#1d1d1f", "#ffffff", "#9aa0a6"
TO_SOUNDER, TO_DESK = "#c2410c", "#2563a8"
CHARS_MAX = 27  # that surely fit a card; twice as wide letters count twice


def _text(x: float, y: float, text: str, size: int = 12, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" {more}>{escape(text)}</text>'


def _box(x: float, y: float, w: float, h: float, stroke: str, more: str = "") -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="4" fill="{PAPER}" '
        f'stroke="{stroke}" {more}/>'
    )


def _svg(height: float, label: str, pieces: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-label="{escape(label)}" fill="{INK}">{"".join(pieces)}</svg>'
    )


def cut(text: str, cells: int = CHARS_MAX) -> str:
    """Return a text that fits into so many cells, a Chinese letter taking two."""
    used = 0
    for at, sign in enumerate(text):
        used += 2 if ord(sign) >= 0x1100 else 1
        if used > cells:
            return text[: max(at - 1, 0)] + "…"
    return text


def plan(report: dict[str, Any]) -> str:
    """Return the plan: grid by grid, each gateway with its points and what became of them."""
    pieces: list[str] = []
    y = 0.0
    grid = None
    for row in report["gateways"]:
        if row["grid"] != grid:
            grid = row["grid"]
            title = cut(" / ".join(row["where"][-2:]), 110)
            pieces.append(_text(0, y + 16, title, 13, 'font-weight="600"'))
            y += 24
        drawn, height = _gateway(row, y)
        pieces += drawn
        y += height + 12
    return _svg(y, words.tell("acceptance.plan"), pieces)


def _gateway(row: dict[str, Any], y: float) -> tuple[list[str], float]:
    """Draw one gateway's box; return it and its height."""
    cards = [*row["tests"], *row["points"]]
    lines = -(-len(cards) // PER_ROW)
    height = 30 + lines * (CARD_H + GAP) + GAP
    pieces = [_box(1, y, WIDTH - 2, height, LINE)]
    pieces.append(_text(PAD, y + 20, cut(f"{row['gateway']} · {row['place']}", 100)))
    for at, card in enumerate(cards):
        x = PAD + at % PER_ROW * (CARD_W + GAP)
        pieces += _card(card, x, y + 30 + at // PER_ROW * (CARD_H + GAP))
    return pieces, height


def _card(card: dict[str, Any], x: float, y: float) -> list[str]:
    status = card["status"]
    colour = COLOURS[status]
    if "test" in card:
        title, below = words.word("walk_tests", card["test"]), ""
    else:
        title, below = f"{card['point']} {words.kind(card['kind'])}", card["place"]
    dashed = "" if status == "passed" else 'stroke-dasharray="4 3"'
    mark = f'fill="{colour}" font-weight="700"'
    return [
        _box(x, y, CARD_W, CARD_H, colour, dashed),
        _text(x + 8, y + 26, MARKS[status], 18, mark),
        _text(x + 32, y + 17, cut(title)),
        _text(x + 32, y + 33, cut(below), 11, 'fill="#55585d"'),
    ]


def timelines(gateway: dict[str, Any]) -> str:
    """Return a gateway's timelines: from the stimulus to the sounder, and on to the desk."""
    rows = [point for point in gateway["points"] if _times(point) is not None]
    if not rows:
        return ""
    longest = max(sum(times) for point in rows if (times := _times(point)))
    whole = _round_up(max(longest, 1))
    scale = (WIDTH - LABEL_W - 110) / whole
    pieces = _axis(whole, scale, len(rows) * ROW_H)
    for at, point in enumerate(rows):
        pieces += _timeline(point, 20 + at * ROW_H, scale)
    return _svg(20 + len(rows) * ROW_H + 6, words.tell("acceptance.timelines"), pieces)


def _times(point: dict[str, Any]) -> tuple[int, int] | None:
    """Return milliseconds to the sounder and from there to the desk."""
    finding = point["finding"]
    if point["status"] != "passed" or finding["desk_ms"] is None:
        return None
    return finding["sounder_ms"] or 0, finding["desk_ms"]


def _round_up(ms: int) -> int:
    """Return the next 1, 2 or 5 with zeros."""
    size = int("1".ljust(len(str(ms)), "0"))
    return next(step * size for step in (1, 2, 5, 10) if step * size >= ms)


def _axis(whole: int, scale: float, height: int) -> list[str]:
    pieces = []
    for part in range(5):
        x = LABEL_W + part * whole * scale / 4
        pieces.append(f'<line x1="{x:g}" y1="16" x2="{x:g}" y2="{height + 20}" stroke="#d7dadf"/>')
        pieces.append(_text(x, 11, f"{part * whole / 4:g} ms", 10, 'text-anchor="middle"'))
    return pieces


def _timeline(point: dict[str, Any], y: float, scale: float) -> list[str]:
    times = _times(point)
    assert times is not None
    sounder, desk = (ms * scale for ms in times)
    name = cut(f"{point['point']} {point['id']}", 34)
    bar = '<rect x="{:g}" y="{:g}" width="{:g}" height="{}" fill="{}"/>'
    told = f"{times[0] or '–'} + {times[1]} ms"
    return [
        _text(0, y + 14, name),
        bar.format(LABEL_W, y + 5, sounder, BAR_H, TO_SOUNDER),
        bar.format(LABEL_W + sounder, y + 5, max(desk, 1), BAR_H, TO_DESK),
        _text(LABEL_W + sounder + desk + 6, y + 15, told, 11),
    ]
