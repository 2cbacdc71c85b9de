"""The page of a world's log: well formed, alone, with every event in it."""

import re
from xml.etree import ElementTree as ET

from firegrid_sim.timeline import page

ROWS = [
    {"t_ms": 0, "gateway": "gw-1", "what": "power", "on": True},
    {
        "t_ms": 1000,
        "gateway": "gw-1",
        "what": "truth",
        "point": "a",
        "cause": "fire <1>",
        "on": True,
    },
    {"t_ms": 2000, "gateway": "gw-1", "what": "condition", "point": "a", "bits": 9},
    {"t_ms": 2500, "gateway": "gw-1", "what": "sounder", "on": True},
    {"t_ms": 3000, "gateway": "gw-1", "what": "condition", "point": "a", "bits": 1},
    {"t_ms": 4000, "gateway": "gw-1", "what": "fault", "name": "cut", "on": True, "detail": "&"},
    {"t_ms": 5000, "gateway": "gw-1", "what": "link", "up": False},
    {"t_ms": 6000, "gateway": "gw-1", "what": "failure", "checker": "latch", "message": "<lost>"},
]


def _rects(text):
    body = re.search(r'<svg id="time".*?</svg>', text, re.DOTALL).group()
    return [
        (rect.get("class"), rect.findtext("title")) for rect in ET.fromstring(body).iter("rect")
    ]


def test_the_page_is_well_formed_and_asks_for_nothing():
    text = page(ROWS, ["a", "b"], "seed <7>", 1)
    assert "<lost>" not in text and "seed <7>" not in text
    assert not re.search(r"https?://|src=|href=|url\(|@import", text)
    assert _rects(text)


def test_bars_begin_and_end_with_their_condition():
    rects = _rects(page(ROWS, ["a", "b"], "x", 1))
    assert ("trouble", "trouble, 2.0…3.0 s") in rects
    assert ("alarm", "alarm, 2.0…86400.0 s") in rects
    assert rects[0] == ("truth", "fire <1>, 1.0…86400.0 s")
    assert ("gap", "gw-1 no link, 5.0…86400.0 s") in rects


def test_faults_and_failures_are_marks():
    rects = dict(_rects(page(ROWS, ["a", "b"], "x", 1)))
    assert rects["fault"] == "4.0 s gw-1 fault: name cut, on true, detail &"
    assert rects["failure"] == "6.0 s gw-1 failure: checker latch, message <lost>"


def test_a_month_of_thousands_of_rows_keeps_every_alarm():
    rows = [
        {"t_ms": n * 400_000, "gateway": "g", "what": "condition", "point": "a", "bits": n % 2}
        for n in range(6000)
    ]
    assert sum(name == "alarm" for name, _ in _rects(page(rows, ["a"], "x", 30))) == 3000
