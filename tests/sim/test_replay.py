"""`firegrid replay`: a recorded trace at the sensor's wires, and what the firmware makes of it."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest
from firegrid.errors import FiregridError
from firegrid.resources import schemas_dir, site_path
from firegrid.site.load import load_site
from firegrid_sim.electrical import sensor_for
from firegrid_sim.replay import Request, read_trace
from jsonschema import Draft202012Validator

SCHEMA = Draft202012Validator(json.loads((schemas_dir() / "replay.schema.json").read_text()))
SITE = load_site(site_path("jinshui-garden"))
SMOKE = sensor_for(SITE.point("smoke-tailor"))
LOOP = {"loop": "loop_ma"}
NOISE_MAX_KPA = 3.5  # a sigma of 1 mV is 0.9 kPa, and no sample is further off than 3.45 sigma
RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data"
TRACE = """\
seconds,loop,note
0,5,quiet
5,5,quiet
10,25,a detector fires
15,25,
20,5,aired
25,0,the wire is cut
30,0,
35,5,mended
40,5,
"""


@pytest.fixture
def trace(tmp_path):
    """Write a CSV file; return its path."""

    def trace(content, encoding="utf-8"):
        path = tmp_path / "trace.csv"
        path.write_bytes(content.encode(encoding))
        return path

    return trace


@pytest.fixture
def recorded():
    """The folder of recorded traces, which are not ours to ship."""
    if not RECORDED.is_dir():
        pytest.skip("no recorded traces folder beside this checkout")
    return RECORDED


def rows(path, signals=LOOP, time_column=None, interval_s=1.0, limit=None, sensor=SMOKE):
    return read_trace(path, Request(signals, time_column, interval_s, limit), sensor)


def replay(path, *arguments, point="smoke-tailor"):
    command = [sys.executable, "-m", "firegrid", "replay", str(path), "--site", "jinshui-garden"]
    return subprocess.run(
        [*command, "--point", point, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def summary_of(done):
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    SCHEMA.validate(summary)
    return summary


# ---- the file ----


def test_rows_have_numbers_of_the_mapped_columns_alone(trace):
    first, second = rows(trace("a,loop,b\n1,5,x\n2,6.5,y\n"))
    assert (first.number, first.raw, first.lasts_s) == (1, {"loop": 5}, 1)
    assert (second.number, second.raw) == (2, {"loop": 6.5})


def test_a_time_column_gives_each_row_its_length(trace):
    path = trace("t,loop\n10,5\n10.5,5\n13,5\n")
    assert [row.lasts_s for row in rows(path, time_column="t", interval_s=4)] == [0.5, 2.5, 4]


def test_blank_lines_a_bom_and_spaces_are_no_mistakes(trace):
    path = trace('\ufeffloop , "b, c"\n\n 5 ,1\r\n6,2\n\n')
    assert [row.raw["loop"] for row in rows(path)] == [5, 6]


def test_a_limit_leaves_the_rest_unread(trace):
    assert len(rows(trace("loop\n5\n6\noops\n"), limit=2)) == 2


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "is empty; a trace begins with a line of column names"),
        ("loop,b\n", "holds column names but no row"),
        ("lop,b\n1,2\n", 'line 1: no column "loop"; did you mean "lop"? known: lop, b'),
        ("loop,b\n1,2\n3\n", "line 3: has 1 columns; the first line names 2"),
        ("loop,b\n1,2\n3,4,5\n", "line 3: has 3 columns; the first line names 2"),
        ("loop,b\nfive,2\n", 'line 2: column loop: "five" is not a number'),
        ("loop,b\n\n,2\n", 'line 3: column loop: "" is not a number'),
        ("loop,b\nnan,2\n", 'line 2: column loop: "nan" is not a number'),
        ("loop,b\n1e999,2\n", 'line 2: column loop: "1e999" is not a number'),
        (
            "loop,b\n101,2\n",
            "line 2: column loop: 101 is outside the range of loop_ma; allowed: 0",
        ),
        ('loop,b\n1,"2\n', "line 2: is not CSV: "),
    ],
)
def test_a_mistake_is_named_with_line_column_and_what_was_found(trace, content, line):
    path = trace(content)
    with pytest.raises(FiregridError) as raised:
        rows(path)
    assert str(raised.value).startswith(f"{path}: {line}")
    assert len(str(raised.value).splitlines()) == 1


def test_another_encoding_is_refused_at_its_line(trace):
    path = trace("loop,place\n5,shop\n5,caf\u00e9\n", "latin-1")
    with pytest.raises(FiregridError, match="line 3: byte 0xe9 is not UTF-8; save it as UTF-8"):
        rows(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(FiregridError, match=r"none\.csv: cannot be read: No such file"):
        rows(tmp_path / "none.csv")
    with pytest.raises(FiregridError, match="cannot be read: Is a directory"):
        rows(tmp_path)


def test_time_that_goes_back_is_refused(trace):
    with pytest.raises(FiregridError, match="line 3: column t: 4 goes back in time; the row bef"):
        rows(trace("t,loop\n5,5\n4,5\n"), time_column="t")


def test_many_mistakes_are_cut_short(trace):
    with pytest.raises(FiregridError) as raised:
        rows(trace("loop\n" + 15 * "x\n"))
    lines = str(raised.value).splitlines()
    assert len(lines) == 11
    assert lines[-1].endswith(": and 5 more")


# ---- the command refuses ----


@pytest.mark.parametrize(
    ("content", "arguments", "line"),
    [
        (
            TRACE,
            ["--map", "lop=loop_ma"],
            'trace.csv: line 1: no column "lop"; did you mean "loop"',
        ),
        (TRACE, ["--map", "note=loop_ma"], 'trace.csv: line 2: column note: "quiet" is not a num'),
        (
            TRACE,
            ["--map", "loop=gas_pct_lel"],
            '"gas_pct_lel" does not drive smoke-tailor (detect',
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_1(trace, content, arguments, line):
    done = replay(trace(content), *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert line in done.stderr.splitlines()[0]
    assert "%" not in done.stderr  # no progress: nothing was started


@pytest.mark.parametrize(
    "arguments",
    [[], ["--map", "loop"], ["--map", "loop=loop_ma", "--speed", "0"]],
    ids=["no map", "half a map", "no speed"],
)
def test_a_command_that_makes_no_sense_is_a_usage_error(trace, arguments):
    done = replay(trace(TRACE), *arguments)
    assert done.returncode == 2
    assert "Usage: " in done.stderr


# ---- through the firmware ----


def test_each_row_has_the_value_that_the_firmware_read_and_its_conditions(trace):
    path = trace(TRACE)
    done = replay(path, "--map", "loop=loop_ma", "--time", "seconds", "--speed", 10, "--json")
    summary = summary_of(done)
    values = [row["value"] for row in summary["rows"]]
    expected = [5, 5, 25, 25, 5, None, None, 5, 5]
    assert values == [want and pytest.approx(want, abs=0.4) for want in expected]
    assert [row["conditions"] for row in summary["rows"]] == [
        [],
        [],
        ["ALARM"],
        ["ALARM"],
        ["ALARM"],  # latched
        ["ALARM", "TROUBLE"],
        ["ALARM", "TROUBLE"],
        ["ALARM"],
        ["ALARM"],
    ]
    assert [row["code"] for row in summary["rows"]] == 5 * [None] + ["open", "open", None, None]
    assert [row["raw"]["loop"] for row in summary["rows"]] == [5, 5, 25, 25, 5, 0, 0, 5, 5]
    assert summary["counts"] == {
        "rows": 9,
        "without_value": 2,
        "ALARM": 7,
        "PRE_ALARM": 0,
        "SUPERVISORY": 0,
        "TROUBLE": 2,
    }


def test_a_converter_on_i2c_is_replayed_as_well(trace):
    path = trace("kpa\n300\n300\n60\n60\n60\n")
    arguments = ["--map", "kpa=pressure_kpa", "--interval-s", 8, "--speed", 20, "--json"]
    summary = summary_of(replay(path, *arguments, point="hydrant-market"))
    values = [row["value"] for row in summary["rows"]]
    assert values == pytest.approx([300, 300, 60, 60, 60], abs=NOISE_MAX_KPA)
    assert summary["rows"][-1]["conditions"] == ["ALARM", "SUPERVISORY"]


@pytest.mark.full
def test_the_true_rms_of_a_leakage_is_replayed_as_well(trace):
    """A busy host spoils some waveforms: of several the middle one counts, far from any limit."""
    path = trace("s,ma\n" + "".join(f"{n / 2.5},{50 if n < 5 else 600}\n" for n in range(10)))
    arguments = ["--map", "ma=leakage_ma", "--time", "s", "--interval-s", 5, "--json"]
    rows = summary_of(replay(path, *arguments, point="leakage-block-6"))["rows"]
    assert middle_value(rows[:5]) == pytest.approx(50, rel=0.1)
    assert middle_value(rows[5:]) == pytest.approx(600, rel=0.1)
    assert [row["conditions"] for row in rows] == 9 * [[]] + [["ALARM", "PRE_ALARM"]]


def middle_value(rows):
    """Return the median of the readings that were no rubbish."""
    return median(row["value"] for row in rows if row["value"] is not None)


def test_of_several_signals_the_strongest_counts(trace):
    path = trace("dim,loop\n0,5\n0.5,5\n0,25\n")
    arguments = ["--map", "dim=smoke_db_m", "--map", "loop=loop_ma", "--speed", 10, "--json"]
    summary = summary_of(replay(path, *arguments))
    values = [row["value"] for row in summary["rows"]]
    assert values == [pytest.approx(5, abs=0.4), *2 * [pytest.approx(25, abs=0.4)]]


def test_a_person_gets_a_progress_bar_and_the_counts(trace):
    done = replay(trace(TRACE), "--map", "loop=loop_ma", "--interval-s", 3, "--speed", 20)
    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("smoke-tailor: 9 rows of ")
    assert lines[1] == "  ALARM: in 7 rows, first in row 3"


# ---- real recordings ----


@pytest.mark.full
def test_a_recorded_gas_trace_goes_through_the_firmware(recorded):
    arguments = ["--map", "MQ2=counts10_5v", "--interval-s", 2, "--speed", 50, "--limit", 120]
    path = recorded / "gas-mq-elements.csv"
    summary = summary_of(replay(path, *arguments, "--json", point="gas-hotpot"))
    assert summary["counts"]["rows"] == 120
    assert summary["rows"][0]["raw"] == {"MQ2": 555}
    assert summary["counts"]["without_value"] < 20  # 10 s of warm-up


@pytest.mark.full
@pytest.mark.parametrize("most", [500, pytest.param(2000, marks=pytest.mark.full)])
def test_a_recorded_room_never_trips_a_smoke_detector(most, recorded):
    arguments = ["--map", "PM2.5=smoke_ug_m3", "--time", "UTC", "--speed", 200, "--limit", most]
    summary = summary_of(replay(recorded / "particulate-room.csv", *arguments, "--json"))
    assert summary["counts"]["rows"] == most
    assert summary["counts"]["ALARM"] == summary["counts"]["TROUBLE"] == 0
