"""`firegrid site merge`: what one laptop has and the other lacks; no contradiction, no half."""

import json
import shutil
import stat

import jsonschema
import pytest
from click.testing import CliRunner
from firegrid import cli, lines, state
from firegrid.acceptance.results import Results, newest
from firegrid.errors import FiregridError
from firegrid.identity import Authority
from firegrid.image.build import IMAGE, MANIFEST, Part, read_image, write_image
from firegrid.image.enrol import enrol
from firegrid.image.layout import partition
from firegrid.merge.merging import find
from firegrid.resources import schemas_dir, site_path
from firegrid.state import State

SITE = "jinshui-garden"
PASSPHRASE = "correct horse battery"
GATEWAYS = ("gw-shops", "gw-flats")
MACS = ("24:0a:c4:00:00:01", "24:0a:c4:00:00:02")
SECRET = "a secret of the street"
SCHEMA = json.loads((schemas_dir() / "site-merge.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A site file and its folder, with keys and two identities; to be copied by each test."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(site_path(SITE), folder / "garden.toml")
    here = State.of(folder / "garden.toml")
    authority = Authority.create(here, SITE, PASSPHRASE)
    for gateway in GATEWAYS:
        enrol(here, authority, SITE, gateway)
    return folder


@pytest.fixture
def site(made, tmp_path):
    shutil.copytree(made, tmp_path / "ours")
    return tmp_path / "ours" / "garden.toml"


@pytest.fixture
def own(site):
    return State.of(site)


@pytest.fixture
def other(made, tmp_path):
    shutil.copytree(made, tmp_path / "theirs")
    return State.of(tmp_path / "theirs" / "garden.toml")


def run(site, other, *options):
    folder = other.directory if isinstance(other, State) else other
    call = ["site", "merge", site, folder, *options]
    return CliRunner().invoke(cli.main, [str(argument) for argument in call])


def merge(site, other, *options):
    done = run(site, other, *options, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    jsonschema.validate(said, SCHEMA)
    assert next(iter(said)) == "schema"
    return said


def changes(said, what=None):
    folder = said["folder"]
    found = [row for row in said["changes"] if what in (None, row["what"])]
    return sorted(row["path"].removeprefix(folder + "/") for row in found)


def notes(said):
    return sorted((row["why"], row["path"].rpartition("/")[2]) for row in said["notes"])


def content(folder):
    """Return all that lies in a folder, hidden things too."""
    found = {}
    for path in folder.rglob("*"):
        found[path.relative_to(folder).as_posix()] = path.read_bytes() if path.is_file() else None
    return found


def refused(site, own, other, *told):
    """Merge; it is refused with these words, and neither folder changes."""
    before = content(own.directory), content(other.directory)
    done = run(site, other)
    assert done.exit_code == 1, done.output
    assert done.stdout == ""
    for text in told:
        assert text in done.stderr
    assert (content(own.directory), content(other.directory)) == before
    return done.stderr


def board(at_s, state, gateway=GATEWAYS[0], mac=MACS[0], **more):
    row = {"at_s": at_s, "mac": mac, "gateway": gateway, "state": state, "port": "/dev/ttyUSB0"}
    return row | more


def add(path, *rows):
    path.parent.mkdir(exist_ok=True)
    for row in rows:
        lines.append(path, row)


def image(where, version, byte=b"\xe9", prov=b"", gateway=GATEWAYS[0]):
    parts = [Part("factory", 0x10000, byte * 100), Part("vfs", partition("vfs").offset, byte * 10)]
    if prov:
        parts.insert(1, Part("prov", partition("prov").offset, prov))
    about = {"site": SITE, "gateway": gateway, "config_version": version}
    write_image(where.images / gateway, parts, about)
    return where.images / gateway


def entries(path, table, *rows):
    text = "format = 1\n# by hand\n"
    for row in rows:
        text += f"\n[[{table}]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in row.items())
    path.write_text(text, encoding="utf-8")


# --- nothing, and everything -----------------------------------------------------------------


def test_the_same_on_both_sides_is_nothing_to_do(site, own, other):
    for where in (own, other):
        image(where, 1)
        add(where.boards, board(1, "matched"))
        entries(where.wifi, "network", {"ssid": "Street", "key": SECRET})
    before = content(own.directory)
    said = merge(site, other)
    assert (said["changes"], said["notes"]) == ([], [])
    assert content(own.directory) == before
    assert "nothing to do" in run(site, other).stdout


def test_a_laptop_that_has_nothing_gets_all(site, own, other):
    image(other, 3)
    add(other.boards, board(1, "matched"), board(2, "written"))
    add(other.directory / "replaced.jsonl", {"at": "2026-11-27T06:05:04.321Z", "site": SITE,
        "old": "gw-old", "new": "gw-shops", "by": "ben", "why": ""})  # fmt: skip
    entries(other.people, "person", {"id": "leader-01", "phone": "138"})
    entries(other.wifi, "network", {"ssid": "Street", "key": SECRET})
    other.reports.mkdir()
    (other.reports / "labels.pdf").write_bytes(b"%PDF")
    other.store.write_bytes(b"SQLite")
    shutil.rmtree(own.directory)
    assert merge(site, other, "--dry-run")["dry_run"]
    assert not own.directory.exists()
    merge(site, other)
    assert content(own.directory) == content(other.directory)
    assert stat.S_IMODE(own.directory.stat().st_mode) == 0o700
    for path in own.directory.rglob("*"):
        if path.name != ".gitignore":
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert merge(site, other)["changes"] == []


def test_both_have_the_same_when_each_has_merged_the_other(site, own, other, tmp_path):
    shutil.rmtree(own.identities / "gw-flats")
    shutil.rmtree(other.identities / "gw-shops")
    add(own.boards, board(1, "matched"), board(4, "written"))
    add(other.boards, board(2, "matched", "gw-flats", MACS[1]), board(3, "found", "", MACS[1]))
    image(own, 1)
    image(other, 1, gateway="gw-flats")
    said = merge(site, other)
    assert changes(said) == ["boards.jsonl", "identities/gw-flats", "images/gw-flats"]
    merge(tmp_path / "theirs" / "garden.toml", own)
    assert content(own.directory) == content(other.directory)


def test_a_dry_run_says_the_same_and_writes_nothing(site, own, other):
    add(other.boards, board(1, "booted"))
    before = content(own.directory)
    said = merge(site, other, "--dry-run")
    assert content(own.directory) == before
    assert changes(said) == changes(merge(site, other))
    assert content(own.directory) != before


def test_a_person_reads_what_was_changed(site, own, other):
    add(other.boards, board(1, "booted"))
    (other.directory / "notes.txt").write_text("mine")
    told = run(site, other, "--dry-run").stdout
    assert told.endswith("files and folders to change: 2; nothing was written\n")
    told = run(site, other).stdout.splitlines()
    assert told[0] == f"{own.boards}: taken, new in it: 1"
    assert "private key is removed" in told[1]
    assert any("notes.txt: this program does not know it" in line for line in told)
    assert told[-1] == f"{own.directory}: files and folders changed: 2"
    assert "无需处理" in run(site, other, "--lang", "zh").stdout


def test_the_folder_can_lie_elsewhere(site, other, tmp_path):
    merge(site, other, "--state", tmp_path / "elsewhere")
    assert content(tmp_path / "elsewhere") == content(other.directory)


def test_what_it_does_not_know_stays_where_it_is_and_is_told(site, own, other):
    (other.directory / "cat.jpg").write_bytes(b"cat")
    (other.ca / "old.pem").write_bytes(b"x")
    (other.identities / "gw-shops" / "note.txt").write_text("x")
    (other.directory / ".DS_Store").write_bytes(b"x")
    (other.directory / "desk.db-shm").write_bytes(b"x")
    said = merge(site, other)
    assert said["changes"] == []
    assert notes(said) == [("unknown", "cat.jpg"), ("unknown", "note.txt"), ("unknown", "old.pem")]


# --- boards ----------------------------------------------------------------------------------


def test_boards_are_joined_by_time_without_doubles(site, own, other):
    first = board(10, "found", "")
    add(own.boards, first, board(30, "written"), board(30, "verified"))
    add(other.boards, first, board(20, "found", "", MACS[1]), board(30, "found", "", MACS[1]))
    said = merge(site, other)
    assert [row["added"] for row in said["changes"]] == [2]
    rows = lines.read(own.boards)
    assert [(row["at_s"], row["state"]) for row in rows] == [
        (10, "found"), (20, "found"), (30, "written"), (30, "verified"), (30, "found"),
    ]  # fmt: skip
    assert merge(site, other)["changes"] == []


def test_a_line_with_the_time_as_text_has_its_place(site, own, other):
    """As `firegrid replace` writes it."""
    add(own.boards, board(1795759500, "booted", "gw-old"))
    gone = board(0, "retired", "gw-old", detail="replaced by gw-shops") | {
        "at": "2026-11-27T06:05:04.321Z"
    }
    del gone["at_s"]
    add(other.boards, gone, board(1795759600, "matched"))
    merge(site, other)
    assert [row["state"] for row in lines.read(own.boards)] == ["booted", "retired", "matched"]


def test_a_torn_last_line_is_left_out_and_told(site, own, other):
    for where, row in ((own, board(1, "matched")), (other, board(2, "written"))):
        add(where.boards, row)
        where.boards.write_bytes(where.boards.read_bytes() + b'{"format": 1, "at_s": 3, "ma')
    said = merge(site, other)
    assert notes(said) == [("torn", "boards.jsonl"), ("torn", "boards.jsonl")]
    assert [row["at_s"] for row in lines.read(own.boards)] == [1, 2]
    assert own.boards.read_bytes().endswith(b"}\n")


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "[" * 100_000,
        '{"format": 1, "at_s": 1, "gateway": "g", "state": "found"}',
        '{"format": 1, "at_s": NaN, "mac": "m", "gateway": "g", "state": "found"}',
        '{"format": 1, "at": "soon", "mac": "m", "gateway": "g", "state": "found"}',
        '{"format": 1, "at_s": 1, "mac": 7, "gateway": "g", "state": "found"}',
        '{"format": 1, "mac": "m", "gateway": "g", "state": "found"}',
    ],
)
@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_bad_line_is_told_by_its_number(site, own, other, line, side):
    broken = own if side == "ours" else other
    add(other.boards, board(1, "matched"))
    add(own.boards, board(1, "matched"))
    broken.boards.write_text(broken.boards.read_text() + line + "\n")
    refused(site, own, other, f"{broken.boards}, line 2: is no line of ours")


def test_one_board_cannot_be_two_gateways(site, own, other):
    add(own.boards, board(1, "matched"))
    add(other.boards, board(5, "booted", "gw-flats", MACS[0].upper()))
    (other.reports).mkdir()
    (other.reports / "labels.pdf").write_bytes(b"%PDF")
    refused(site, own, other, f"{MACS[0]}: is gw-shops by {own.boards}, line 1, and gw-flats by "
            f"{other.boards}, line 1", "nothing was changed")  # fmt: skip


def test_one_gateway_cannot_be_two_boards(site, own, other):
    add(own.boards, board(1, "matched"))
    add(other.boards, board(2, "matched", mac=MACS[1]))
    refused(site, own, other, f"gw-shops: is the board {MACS[0]} by {own.boards}, line 1",
            f"{MACS[1]} by {other.boards}, line 1")  # fmt: skip


@pytest.mark.parametrize("word", ["released", "retired"])
def test_a_board_that_was_let_go_can_be_another_gateway(site, own, other, word):
    add(own.boards, board(1, "matched"))
    add(other.boards, board(1, "matched"), board(2, word), board(2, "matched", "gw-flats"))
    assert changes(merge(site, other)) == ["boards.jsonl"]
    assert len(lines.read(own.boards)) == 3


def test_a_board_that_was_let_go_there_and_worked_on_here_is_a_contradiction(site, own, other):
    add(own.boards, board(1, "matched"), board(9, "labelled"))
    add(other.boards, board(1, "matched"), board(2, "released"), board(3, "matched", "gw-flats"))
    refused(site, own, other, f"{MACS[0]}: is ", "gw-shops", "gw-flats")


# --- keys and identities ---------------------------------------------------------------------


def test_a_key_whose_board_has_answered_is_removed_and_does_not_come_back(site, own, other):
    add(other.boards, board(1, "booted"))
    (other.identities / "gw-shops" / "key.der").unlink()
    ours = own.identities / "gw-shops"
    said = merge(site, other)
    assert changes(said, "key_removed") == ["identities/gw-shops/key.der"]
    assert sorted(path.name for path in ours.iterdir()) == ["certificate.der", "identity.json"]
    assert (own.identities / "gw-flats" / "key.der").exists()


@pytest.mark.parametrize("whole", [False, True])
def test_a_key_that_the_other_one_still_has_is_not_taken_and_told(site, own, other, whole):
    add(own.boards, board(1, "booted"), board(2, "labelled"))
    ours = own.identities / "gw-shops"
    shutil.rmtree(ours) if whole else (ours / "key.der").unlink()
    said = merge(site, other)
    assert notes(said) == [("key_there", "key.der")]
    assert not (ours / "key.der").exists() and (ours / "identity.json").exists()
    assert (other.identities / "gw-shops" / "key.der").exists()  # nothing changes there


def test_a_key_that_lacks_here_is_taken_while_no_board_has_answered(site, own, other):
    add(own.boards, board(1, "verified"))
    (own.identities / "gw-shops" / "key.der").unlink()
    assert changes(merge(site, other)) == ["identities/gw-shops/key.der"]
    assert content(own.identities) == content(other.identities)


def test_one_gateway_cannot_have_two_identities(site, own, other):
    shutil.rmtree(other.identities / "gw-shops")
    enrol(other, Authority.load(other, PASSPHRASE), SITE, "gw-shops")
    add(other.boards, board(1, "matched"))
    mine, yours = own.identities / "gw-shops", other.identities / "gw-shops"
    refused(site, own, other, f"gw-shops: has two identities: {mine} and {yours}")


@pytest.mark.parametrize("without_ca", [False, True])
def test_two_authorities_are_refused(site, own, other, without_ca):
    shutil.rmtree(other.directory)
    enrol(other, Authority.create(other, SITE, PASSPHRASE), SITE, "gw-power")
    if without_ca:
        shutil.rmtree(other.ca)
        refused(site, own, other, "certificate.der: was not made by the authority", str(own.ca))
    else:
        told = refused(site, own, other, str(own.ca / "ca.pem"), str(other.ca / "ca.pem"))
        assert len(told.splitlines()) == 1


def test_what_lacks_of_the_keys_is_taken(site, own, other):
    (own.ca / "ca-key.pem").unlink()
    assert changes(merge(site, other)) == ["ca/ca-key.pem"]
    Authority.load(own, PASSPHRASE)


@pytest.mark.parametrize("part", ["ca/authority.json", "identities/gw-shops/identity.json"])
def test_what_is_of_another_community_is_refused(site, own, other, part):
    path = other.directory / part
    path.write_text(path.read_text().replace(SITE, "far-garden"))
    refused(site, own, other, "is of the community far-garden, not of jinshui-garden")


@pytest.mark.parametrize(
    "part",
    ["ca/authority.json", "identities/gw-shops/identity.json", "images/gw-shops/" + MANIFEST],
)
@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_an_unknown_format_is_refused_with_both_numbers(site, own, other, part, side):
    for where in (own, other):
        image(where, 1)
    path = (own if side == "ours" else other).directory / part
    path.write_text(path.read_text().replace('"format": 1', '"format": 7'))
    refused(site, own, other, f"{path}: format 7; this program reads 1")


def test_an_unknown_format_of_a_line_or_a_list_is_refused_with_both_numbers(site, own, other):
    add(other.boards, board(1, "found", format=7))
    refused(site, own, other, f"{other.boards}, line 1: format 7; this program reads 1")
    other.boards.unlink()
    other.wifi.write_text("format = 7\n")
    refused(site, own, other, f"{other.wifi}: format: 7 is unknown; this firegrid reads format 1")


@pytest.mark.parametrize("name", ["identity.json", "certificate.der"])
def test_a_damaged_identity_is_told_and_not_taken(site, own, other, name):
    shutil.rmtree(own.identities / "gw-shops")
    path = other.identities / "gw-shops" / name
    path.write_bytes(path.read_bytes()[:20])
    refused(site, own, other, str(path))
    path.unlink()
    refused(site, own, other, str(path))


# --- images ----------------------------------------------------------------------------------


def test_the_image_of_the_newer_configuration_stays(site, own, other):
    image(own, 2)
    image(other, 3, b"\x01")
    image(own, 3, gateway="gw-flats")
    image(other, 2, b"\x01", gateway="gw-flats")
    kept = content(own.images / "gw-flats")
    said = merge(site, other)
    assert changes(said, "newer") == ["images/gw-shops"] == changes(said)
    assert content(own.images / "gw-shops") == content(other.images / "gw-shops")
    assert content(own.images / "gw-flats") == kept


def test_of_two_images_of_one_version_ours_stays_and_it_is_told(site, own, other):
    image(own, 2)
    image(other, 2, b"\x01")
    before = content(own.directory)
    said = merge(site, other)
    assert (changes(said), notes(said)) == ([], [("image_differs", "gw-shops")])
    assert content(own.directory) == before


def test_a_key_does_not_come_back_in_an_image(site, own, other):
    (own.identities / "gw-shops" / "key.der").unlink()
    add(own.boards, board(1, "booted"))
    image(own, 1)
    image(other, 2, prov=b"THE KEY")
    said = merge(site, other)
    assert changes(said) == ["images/gw-shops"]
    assert ("key_there", IMAGE) in notes(said)
    taken = read_image(own.images / "gw-shops")
    assert b"THE KEY" not in taken.data and not taken.holds_identity
    image(other, 2)
    assert content(own.images / "gw-shops") == content(other.images / "gw-shops")


def test_a_key_is_removed_from_our_image_once_its_board_has_answered(site, own, other):
    image(own, 1, prov=b"THE KEY")
    image(own, 1, prov=b"A KEY", gateway="gw-flats")
    add(other.boards, board(1, "booted"))
    image(other, 1)
    said = merge(site, other)
    removed = ["identities/gw-shops/key.der", f"images/gw-shops/{IMAGE}"]
    assert changes(said, "key_removed") == removed
    assert notes(said) == [("key_there", "key.der")]
    assert content(own.images / "gw-shops") == content(other.images / "gw-shops")
    assert read_image(own.images / "gw-flats").holds_identity


def test_a_damaged_image_is_told_before_anything_is_written(site, own, other):
    folder = image(other, 1)
    add(other.boards, board(1, "matched"))
    (folder / IMAGE).write_bytes((folder / IMAGE).read_bytes()[:-1])
    refused(site, own, other, f"{folder / IMAGE}: is not what its manifest says")
    (folder / MANIFEST).write_text("{}")
    refused(site, own, other, f"{folder / MANIFEST}: is damaged")
    image(other, 1)
    folder.rename(other.images / "gw-flats")
    refused(site, own, other, "is the image of gw-shops")


# --- people and networks ---------------------------------------------------------------------


def test_people_and_networks_are_joined_behind_ours(site, own, other):
    li, wang = {"id": "leader-01", "name": "李", "phone": "138"}, {"id": "member-02", "name": "王"}
    entries(own.people, "person", li)
    entries(other.people, "person", wang, li)
    entries(own.wifi, "network", {"ssid": "Street", "key": SECRET})
    entries(other.wifi, "network", {"ssid": 'Yard "2"', "key": SECRET})
    before = own.people.read_text(encoding="utf-8")
    said = merge(site, other)
    assert changes(said, "joined") == ["people.toml", "wifi.toml"]
    assert own.people.read_text(encoding="utf-8") == (
        before + '\n[[person]]\nid = "member-02"\nname = "王"\n'
    )
    assert 'ssid = "Yard \\"2\\""' in own.wifi.read_text()
    assert merge(site, other)["changes"] == []


@pytest.mark.parametrize(
    ("table", "key", "field"), [("person", "id", "phone"), ("network", "ssid", "key")]
)
def test_entries_that_differ_are_named_and_never_told(site, own, other, table, key, field):
    mine, yours = ((w.people if table == "person" else w.wifi) for w in (own, other))
    entries(mine, table, {key: "street", field: SECRET})
    entries(yours, table, {key: "street", field: SECRET + "2"}, {key: "new", field: SECRET})
    add(other.boards, board(1, "matched"))
    said = refused(site, own, other, f'{table} "street": {field}', str(mine), str(yours))
    assert SECRET not in said


def test_no_secret_is_ever_printed(site, own, other):
    entries(other.wifi, "network", {"ssid": "Street", "key": SECRET})
    entries(own.wifi, "network", {"ssid": "Yard", "key": SECRET})
    for options in ([], ["--json"], ["--dry-run"]):
        assert SECRET not in run(site, other, *options).output


@pytest.mark.parametrize(
    "text",
    [
        "format = 1\n[[network]]\nssid = 7\n",
        'format = 1\nnetwork = "x"\n',
        "format = 1\nnetwork = [1]\n",
        'format = 1\n[[networks]]\nssid = "x"\n',
        'format = 1\n[[network]]\nssid = "x"\n[[network]]\nssid = "x"\n',
        "format = 1\n[[network]\n",
        "",
    ],
)
def test_a_list_that_is_none_is_told(site, own, other, text):
    other.wifi.write_text(text)
    add(other.boards, board(1, "matched"))
    refused(site, own, other, f"{other.wifi}: ")


def test_an_entry_that_cannot_be_written_again_is_left_to_a_person(site, own, other):
    entries(own.people, "person", {"id": "leader-01"})
    other.people.write_text('format = 1\n[[person]]\nid = "member-02"\nborn = 1970-01-01\n')
    refused(site, own, other, "by hand", '"member-02"')


# --- reports, exchanges, the desk's store ----------------------------------------------------


def finding(at, passed, by):
    return {
        "at": at,
        "what": "point",
        "gateway": "gw-shops",
        "id": "p",
        "passed": passed,
        "by": by,
    }


def test_of_two_walks_the_newest_finding_counts(site, own, other):
    ours, theirs = Results(own.reports, SITE), Results(other.reports, SITE)
    ours.add(finding("2026-11-27T06:00:00.000Z", False, "ben"))
    theirs.add(finding("2026-11-27T06:30:00.000Z", False, "li"))
    ours.add(finding("2026-11-27T07:00:00.000Z", True, "ben"))
    said = merge(site, other)
    assert changes(said) == ["reports/walktest-20261127T063000Z.jsonl"]
    rows = Results(own.reports, SITE).rows()
    assert [row["by"] for row in rows] == ["ben", "li", "ben"]
    assert newest(rows)["point", "gw-shops", "p"]["passed"]


def test_two_walks_that_began_in_the_same_second_are_joined(site, own, other):
    for where, by in ((own, "ben"), (other, "li")):
        Results(where.reports, SITE).add(finding("2026-11-27T06:00:00.000Z", True, by))
    (path,) = other.reports.iterdir()
    path.write_bytes(path.read_bytes() + b'{"form')
    said = merge(site, other)
    assert [(row["what"], row["added"]) for row in said["changes"]] == [("joined", 1)]
    assert notes(said) == [("torn", path.name)]
    assert [row["by"] for row in Results(own.reports, SITE).rows()] == ["ben", "li"]


def test_labels_that_differ_stay_ours_and_a_signed_report_is_one_thing_only(site, own, other):
    for where, text in ((own, b"a"), (other, b"b")):
        (where.reports / "labels").mkdir(parents=True)
        (where.reports / "labels" / "gw-shops.png").write_bytes(text)
    (other.reports / "labels" / "gw-flats.png").write_bytes(b"c")
    (other.reports / "acceptance-jinshui-garden-1.sig").write_bytes(b"s")
    said = merge(site, other)
    assert changes(said) == [
        "reports/acceptance-jinshui-garden-1.sig", "reports/labels/gw-flats.png",
    ]  # fmt: skip
    assert notes(said) == [("differs", "gw-shops.png")]
    assert (own.reports / "labels" / "gw-shops.png").read_bytes() == b"a"
    (other.reports / "acceptance-jinshui-garden-1.sig").write_bytes(b"t")
    (other.reports / "new.txt").write_bytes(b"n")
    refused(site, own, other, "two different reports have one name", str(own.reports))


def test_a_file_where_a_folder_is_is_told(site, own, other):
    (own.reports / "labels").mkdir(parents=True)
    other.reports.mkdir()
    (other.reports / "labels").write_bytes(b"x")
    refused(site, own, other, str(own.reports / "labels"), str(other.reports / "labels"))
    (other.reports / "labels").unlink()
    (own.reports / "labels").rmdir()
    (own.reports / "labels").write_bytes(b"x")
    (other.reports / "labels").mkdir()
    (other.reports / "labels" / "gw.png").write_bytes(b"x")
    refused(site, own, other, str(own.reports / "labels"), str(other.reports / "labels"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("gw-a", "gw-c", "gw-a: its new gateway is gw-b by "),
        ("gw-d", "gw-b", "gw-b: its old gateway is gw-a by "),
    ],
)
def test_a_gateway_has_one_successor_and_one_predecessor(site, own, other, old, new, told):
    row = {"at": "2026-11-27T06:05:04.321Z", "site": SITE, "by": "ben", "why": ""}
    paths = [where.directory / "replaced.jsonl" for where in (own, other)]
    add(paths[0], row | {"old": "gw-a", "new": "gw-b"})
    add(paths[1], row | {"old": old, "new": new})
    refused(site, own, other, told, f"{paths[0]}, line 1", f"{paths[1]}, line 1")


def test_the_desks_store_is_taken_but_never_joined(site, own, other):
    other.store.write_bytes(b"SQLite")
    log = other.directory / "desk.db-wal"
    log.write_bytes(b"open")
    said = merge(site, other)
    assert (changes(said), notes(said)) == ([], [("store_open", "desk.db")])
    log.write_bytes(b"")
    assert changes(merge(site, other)) == ["desk.db"]
    assert merge(site, other)["notes"] == []
    own.store.write_bytes(b"SQLite, another")
    said = merge(site, other)
    assert (changes(said), notes(said)) == ([], [("store", "desk.db")])


# --- what is no folder, and what is broken off -----------------------------------------------


def test_a_folder_that_is_none_is_told(site, own, other, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    empty = tmp_path / "empty"
    empty.mkdir()
    inside = own.directory / "copy"
    shutil.copytree(other.directory, inside)
    for folder, told in [
        (tmp_path / "gone", "no such folder"),
        (file, "is a file, not a folder"),
        (empty, "is no community's folder"),
        (own.directory, "is the site's own folder"),
        (inside, "one lies in the other"),
        (site.parent, "one lies in the other"),
    ]:
        done = run(site, folder)
        assert done.exit_code == 1 and told in done.stderr and str(folder) in done.stderr


@pytest.mark.parametrize("side", ["ours", "theirs"])
@pytest.mark.parametrize("name", ["identities", "images", "boards.jsonl", "people.toml"])
def test_a_part_of_the_wrong_sort_is_told(site, own, other, side, name):
    path = (own if side == "ours" else other).directory / name
    if "." in name:
        path.mkdir()
    else:
        shutil.rmtree(path, ignore_errors=True)
        path.write_text("")
    refused(site, own, other, f"{path}: is ")


def test_our_folder_that_is_a_file_is_told(site, own, other):
    shutil.rmtree(own.directory)
    own.directory.write_text("")
    done = run(site, other)
    assert done.exit_code == 1 and f"{own.directory}: is a file, not a folder" in done.stderr


@pytest.mark.parametrize("nth", range(1, 30))
def test_whenever_it_is_broken_off_each_thing_is_whole(site, own, other, monkeypatch, nth):
    """Ctrl-C at each write to the disk in turn; the next call does the rest."""
    image(own, 1)
    image(other, 2, b"\x01", prov=b"THE KEY")
    shutil.rmtree(own.identities / "gw-flats")
    add(own.boards, board(1, "matched"))
    add(other.boards, board(1, "matched"), board(2, "booted"))
    entries(own.people, "person", {"id": "leader-01"})
    entries(other.people, "person", {"id": "member-02"})
    before = content(own.directory)
    count = iter(range(1, 1000))

    def cut(real):
        def call(*arguments, **named):
            if next(count) == nth:
                raise KeyboardInterrupt
            return real(*arguments, **named)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(state.os, "fsync", cut(state.os.fsync))
        patch.setattr(state.Path, "rename", cut(state.Path.rename))
        patch.setattr(state.Path, "replace", cut(state.Path.replace))
        code = run(site, other).exit_code
    after = content(own.directory)
    assert code == (130 if next(count) > nth else 0)
    merge(site, other)
    whole = content(own.directory)
    for path, data in after.items():
        assert data in (before.get(path, b"none"), whole.get(path, b"none")), path
        assert path in before or path in whole, path
    folder = own.images / "gw-shops"
    assert {before.get(f"images/gw-shops/{n}") == after[f"images/gw-shops/{n}"]
            for n in (IMAGE, MANIFEST)} in ({True}, {False})  # fmt: skip
    assert read_image(folder).manifest["config_version"] == 2
    assert not (own.identities / "gw-shops" / "key.der").exists()
    assert not [path for path in whole if path.endswith((".new", ".old"))]


def test_a_folder_that_was_lost_between_two_renames_comes_back(own):
    """A power cut, not Ctrl-C: nobody could put it in order."""
    folder = own.identities / "gw-shops"
    kept = content(folder)
    folder.rename(folder.with_name(".gw-shops.old"))
    with pytest.raises(TypeError):
        state.write_folder(folder, {"identity.json": None})
    assert content(folder) == kept


def test_an_image_that_changes_after_it_was_checked_is_not_taken(site, own, other):
    folder = image(other, 1)
    found = find(SITE, own, other)
    (folder / IMAGE).write_bytes(b"cut")
    with pytest.raises(FiregridError, match="is not what its manifest says"):
        found.carry_out()
    assert not (own.images / "gw-shops").exists()
