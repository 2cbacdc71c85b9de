"""`firegrid accept`: a report of what was found, and any later change to it."""

import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pypdfium2
import pytest
from authority import Authority
from click.testing import CliRunner
from cryptography.x509.oid import ExtendedKeyUsageOID
from firegrid import cli, resources
from firegrid.acceptance.results import Results
from firegrid.commands import accept as accept_command
from firegrid.errors import FiregridError
from firegrid.passphrase import read_passphrase
from firegrid.state import State

SITE = resources.checkout() / "tests" / "sim" / "sites" / "walk.toml"
AT = "2026-11-27T06:05:04.321Z"
PEOPLE = """\
format = 1

[[person]]
id = "anna"
name = "Wang Fang (王芳)"
phone = "138 0000 0000"

[[person]]
id = "ben"
name = "Li <Wei>"
"""
LATER = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()


def schema(name):
    return json.loads((resources.schemas_dir() / f"{name}.schema.json").read_text())


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def state(tmp_path, monkeypatch, authority):
    folder = tmp_path / "state"
    (tmp_path / "passphrase").write_text("correct horse\n")
    (tmp_path / "ca.pem").write_bytes(authority.ca)

    def open_signer(state, passphrase):
        assert (state.directory, passphrase) == (folder, "correct horse")
        return authority

    monkeypatch.setattr(accept_command, "open_signer", open_signer)
    return folder


def point(gateway, ident, number, **changes):
    row = {
        "at": AT, "what": "point", "gateway": gateway, "by": "ben", "id": ident, "point": number,
        "kind": "smoke", "passed": True, "method": "stimulus", "conditions": ["ALARM"],
        "code": "none", "value": 25.1, "unit": "mA", "sounder_ms": 1500, "desk_ms": 220,
        "within_ms": 20, "rssi_dbm": -61, "photo": "gate.jpg", "epoch": 9, "boot": 3, "n": 7,
    }  # fmt: skip
    return row | changes


def trial(gateway, what, **changes):
    return {
        "at": AT, "what": what, "gateway": gateway, "by": "ben", "passed": True, "why": None,
        "cause": "power_on", "away_ms": 30_000, "backlog": 2, "backlog_ms": 900, "missing": [],
    } | changes  # fmt: skip


TESTED = [
    trial(gateway, what) for gateway in ("gw-gate", "gw-yard") for what in ("power", "network")
]
POINTS = [
    point("gw-gate", "smoke-gate", 101),
    point("gw-gate", "leakage-gate", 102, method="electrical", conditions=["TROUBLE"], value=None,
          code="open", sounder_ms=None, photo=None),
    point("gw-yard", "smoke-yard", 201, rssi_dbm=None, desk_ms=None, sounder_ms=None,
          within_ms=None),
]  # fmt: skip


def walked(state, rows):
    results = Results(state / "reports", "walk")
    for row in rows:
        results.add(row)


def run(*arguments):
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def accept(state, *options):
    """Return the exit code and what was printed."""
    phrase = state.parent / "passphrase"
    command = ["accept", SITE, "--by", "ben", "--state", state, "--passphrase-file", phrase]
    done = run(*command, "--json", *options)
    if done.exit_code not in (0, 3):
        return done.exit_code, done.output
    row = json.loads(done.stdout)
    jsonschema.validate(row, schema("accept"))
    return done.exit_code, row


def report_of(row):
    report = json.loads(Path(row["files"]["json"]).read_text())
    jsonschema.validate(report, schema("acceptance"))
    for gateway in report["gateways"]:
        for entry in (*gateway["tests"], *gateway["points"]):
            if entry["finding"]:
                jsonschema.validate(entry["finding"], schema("walktest-finding"))
    return report


def verify(path, ca):
    done = run("accept", "--verify", path, "--ca", ca, "--json")
    assert done.exit_code in (0, 3), done.output
    row = json.loads(done.stdout)
    jsonschema.validate(row, schema("accept-verify"))
    assert row["ok"] is (done.exit_code == 0)
    return [(fault["part"], fault["why"]) for fault in row["faults"]]


# --- what it says ----------------------------------------------------------------------------


def test_a_site_of_which_all_was_tried_is_accepted(state):
    walked(state, [*POINTS, *TESTED])
    code, row = accept(state)
    assert (code, row["accepted"], row["passed"], row["open"]) == (0, True, 7, 0)
    report = report_of(row)
    assert report["gateways"][0]["points"][0]["finding"]["by"] == "ben"


def test_a_point_that_was_never_stimulated_is_not_accepted(state):
    walked(state, [*POINTS[:2], *TESTED])
    code, row = accept(state)
    assert (code, row["accepted"], row["open_points"]) == (3, False, ["smoke-yard"])
    html = Path(row["files"]["html"]).read_text()
    assert "NOT ACCEPTED." in html and "never tried" in html
    assert verify(row["files"]["html"], state.parent / "ca.pem") == [], "it is signed all the same"


def test_an_exception_has_somebody_who_answers_for_it_and_a_day(state):
    walked(state, [*POINTS[:2], *TESTED[:3], trial("gw-yard", "network", passed=False, why="gap")])
    code, row = accept(
        state,
        *("--except", "smoke-yard", "anna", LATER, "detector is on its way"),
        *("--except", "gw-yard/network", "ben", LATER, "access point is replaced"),
    )
    assert (code, row["accepted"], row["excepted"]) == (0, True, 2)
    [yard] = [g for g in report_of(row)["gateways"] if g["gateway"] == "gw-yard"]
    assert yard["points"][0]["exception"] == {
        "owner": "anna", "until": LATER, "why": "detector is on its way",
    }  # fmt: skip
    html = Path(row["files"]["html"]).read_text()
    assert "access point is replaced" in html and LATER in html


@pytest.mark.parametrize(
    ("exception", "told"),
    [
        (("smoke-yard", "carl", LATER, "x"), "carl is nobody"),
        (("smoke-yard", "anna", "2020-01-01", "x"), "has passed"),
        (("smoke-yard", "anna", "soon", "x"), "soon is no date"),
        (("smoke-yard", "anna", LATER, " "), "no reason"),
        (("gw-yard/wind", "anna", LATER, "x"), "no test wind"),
        (("attic", "anna", LATER, "x"), "no point attic"),
        (("smoke-gate", "anna", LATER, "x"), "smoke-gate has passed"),
    ],
)
def test_an_exception_that_is_none_is_refused(state, exception, told):
    walked(state, POINTS[:2])
    code, text = accept(state, "--except", *exception)
    assert code == 1 and told in text
    assert not list((state / "reports").glob("acceptance-*")), "nothing is written"


# --- the page --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_stands_alone_and_its_drawings_are_sound(state, language):
    walked(state, [*POINTS, *TESTED])
    _, row = accept(state, "--lang", language)
    html = Path(row["files"]["html"]).read_text()
    assert not re.findall(r"(?:src|href)=|url\(|@import|<script", html), "nothing is fetched"
    assert ("验收报告" if language == "zh" else "Acceptance report") in html
    drawings = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, re.S)]
    texts = ["".join(drawing.itertext()) for drawing in drawings]
    assert len(drawings) == 2, "the plan, and timelines of the one gateway whose times are known"
    assert all(str(n) in texts[0] for n in (101, 102, 201)) and texts[0].count("✓") == 7
    assert "1500 + 220 ms" in texts[1]


def test_what_people_wrote_cannot_break_the_page(state):
    walked(state, [point("gw-gate", "smoke-gate", 101, photo="<script>x</script>"), *TESTED])
    _, row = accept(state, "--except", "smoke-yard", "anna", LATER, "<b>&amp")
    html = Path(row["files"]["html"]).read_text()
    assert "<script" not in html and "&lt;b&gt;&amp;amp" in html


@pytest.mark.full
def test_names_come_from_the_private_file_and_phones_stay_there(state):
    State(state).make().people.write_text(PEOPLE)
    _, row = accept(state, "--except", "smoke-yard", "anna", LATER, "later")
    data, html = report_of(row), Path(row["files"]["html"]).read_text()
    assert data["names"] == {"anna": "Wang Fang (王芳)", "ben": "Li <Wei>"}
    assert "Wang Fang (王芳) (anna)" in html, "who answers"
    assert "Li &lt;Wei&gt; (ben)" in html
    assert "138 0000" not in html + json.dumps(data)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("format = 1", "format = 2", "2 is unknown"),
        ('"ben"', '"nobody"', "nobody in the site file"),
        ('"ben"', '"anna"', "stands in it twice"),
        ('name = "Li <Wei>"', "", "is missing"),
        ("phone", "fax", "is an unknown key"),
        ("[[person]]", "[person", "line"),
    ],
)
def test_a_file_of_people_that_is_wrong_is_refused_by_name(state, old, new, told):
    State(state).make().people.write_text(PEOPLE.replace(old, new))
    code, text = accept(state)
    assert code == 1 and told in text


def test_the_page_prints_and_nothing_of_it_is_lost(state, tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium: how the report prints; apt-get install chromium")
    walked(state, [*POINTS, *TESTED])
    _, row = accept(state)
    pdf = tmp_path / "report.pdf"
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    page = Path(row["files"]["html"]).as_uri()
    subprocess.run([*command, f"--print-to-pdf={pdf}", page], check=True, capture_output=True)
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)]
    assert 1 <= len(pages) <= 3
    text = "".join(pages)
    assert all(word in text for word in ("ACCEPTED.", "1500 + 220 ms", "leakage-gate", "Owner:"))


# --- any later change ------------------------------------------------------------------------


@pytest.fixture
def signed(state):
    walked(state, [*POINTS, *TESTED])
    _, row = accept(state)
    return {part: Path(path) for part, path in row["files"].items()}


def test_an_untouched_report_verifies_by_any_of_its_files_and_under_another_name(signed, state):
    ca = state.parent / "ca.pem"
    assert [verify(path, ca) for path in signed.values()] == [[], [], []]
    for part, path in signed.items():
        shutil.copy(path, state.parent / f"copy.{part}")
    assert verify(state.parent / "copy.html", ca) == []


def shell_of(page):
    """Return the last block of commands of a page."""
    text = (resources.checkout() / "docs" / page).read_text()
    return re.findall(r"```sh\n(.*?)```", text, re.S)[-1]


@pytest.mark.parametrize("broken", ["", "html", "sig"])
def test_other_tools_check_a_report_as_the_page_says(signed, state, broken):
    missing = [tool for tool in ("openssl", "jq", "sha256sum") if not shutil.which(tool)]
    if missing:
        pytest.skip(f"no {missing[0]}: the check of a report by other tools")
    for part, path in signed.items():
        data = path.read_bytes()
        wrong = {"html": data + b" ", "sig": data.replace(b'"walk"', b'"talk"')}
        (state.parent / f"report.{part}").write_bytes(wrong[part] if part == broken else data)
    done = subprocess.run(
        ["sh", "-e", "-c", shell_of("ACCEPTANCE.md")], cwd=state.parent, capture_output=True
    )
    assert (done.returncode == 0) is (not broken), done.stdout + done.stderr


@pytest.mark.parametrize("part", ["html", "json"])
@pytest.mark.parametrize("where", [0, 0.5, 1])
def test_a_single_bit_that_was_turned_is_found(signed, state, part, where):
    data = bytearray(signed[part].read_bytes())
    data[round(where * (len(data) - 1))] ^= 1
    signed[part].write_bytes(data)
    assert verify(signed["html"], state.parent / "ca.pem") == [(part, "changed")]


@pytest.mark.parametrize(
    ("key", "value"),
    [("signed_at", "2020-01-01T00:00:00.000Z"), ("site", "other"), ("signature", "")],
)
def test_a_signature_that_was_tampered_with_is_found(signed, state, key, value):
    row = json.loads(signed["sig"].read_text()) | {key: value}
    signed["sig"].write_text(json.dumps(row))
    assert ("sig", "bad_signature") in verify(signed["html"], state.parent / "ca.pem")


def test_a_signature_over_one_of_the_two_files_is_none(signed, state):
    row = json.loads(signed["sig"].read_text())
    del row["sha256"]["json"]
    signed["sig"].write_text(json.dumps(row))
    done = run("accept", "--verify", signed["html"], "--ca", state.parent / "ca.pem")
    assert done.exit_code == 1 and "no signature of a report" in done.output


def test_a_file_that_is_gone_is_told(signed, state):
    signed["json"].unlink()
    assert verify(signed["html"], state.parent / "ca.pem") == [("json", "missing")]


def test_another_community_cannot_sign_for_this_one(signed, tmp_path):
    (tmp_path / "other.pem").write_bytes(Authority().ca)
    assert verify(signed["html"], tmp_path / "other.pem") == [("certificate", "other_ca")]


@pytest.mark.parametrize("usage", [None, ExtendedKeyUsageOID.CLIENT_AUTH])
def test_a_gateway_of_the_community_may_not_sign_a_report(state, monkeypatch, usage):
    gateway = Authority(usage)
    (state.parent / "ca.pem").write_bytes(gateway.ca)
    monkeypatch.setattr(accept_command, "open_signer", lambda state, passphrase: gateway)
    walked(state, POINTS)
    _, row = accept(state)
    found = verify(row["files"]["html"], state.parent / "ca.pem")
    assert found == [("certificate", "not_for_signing")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"format": 7}', "format 7; this program reads 1"),
        ('{"format": 1, "sha256": {}}', "no signature"),
        ("[]", "no signature"),
        ("", "no signature"),
    ],
)
def test_a_signature_of_another_format_is_refused(signed, state, text, told):
    signed["sig"].write_text(text)
    done = run("accept", "--verify", signed["html"], "--ca", state.parent / "ca.pem")
    assert done.exit_code == 1 and told in done.output


# --- how it is called ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [(), (SITE, "--verify", "x.html"), ("--verify", "x.html"), (SITE,)],
    ids=["nothing", "both", "no CA", "nobody"],
)
def test_what_is_missing_is_asked_for(arguments):
    assert run("accept", *arguments).exit_code == 2


def test_a_passphrase_comes_from_a_file_or_a_descriptor(tmp_path):
    (tmp_path / "empty").write_text("\nsecond line")
    assert "holds no passphrase" in _refusal(tmp_path / "empty", None)
    (tmp_path / "given").write_text("geheim\r\nx")
    assert read_passphrase(tmp_path / "given", None) == "geheim"
    with (tmp_path / "given").open("rb") as file:
        assert read_passphrase(None, os.dup(file.fileno())) == "geheim"
    assert "name one of them" in _refusal(tmp_path / "given", 3)


def _refusal(*given):
    with pytest.raises(FiregridError) as refused:
        read_passphrase(*given)
    return str(refused.value)
