"""`firegrid webtools`: a manifest as ESP Web Tools reads it, whole parts, and no secret in any."""

import json
import re
import shutil

import jsonschema
import pytest
from click.testing import CliRunner
from firegrid import __version__, cli
from firegrid.identity import Authority
from firegrid.image.enrol import claim_code, enrol
from firegrid.image.layout import FLASH_BYTES, SECTOR, TABLE_AT, partition, read_table
from firegrid.resources import schemas_dir, site_path
from firegrid.state import State
from firegrid_sim.standin import stand_in
from littlefs import LittleFS
from vm import ROOT

PASSPHRASE = "correct horse battery"
KEY = "very secret key"


@pytest.fixture(scope="module")
def community(tmp_path_factory):
    """A site whose gateways have identities and a network with a key, and a MicroPython."""
    folder = tmp_path_factory.mktemp("community")
    path = folder / "garden.toml"
    named = 'id = "gw-shops"\n'
    text = site_path("jinshui-garden").read_text("utf-8")
    path.write_text(text.replace(named, named + 'wifi_ssid = "Block 6"\n'))
    state = State.of(path)
    authority = Authority.create(state, "jinshui-garden", PASSPHRASE)
    for gateway in ("gw-shops", "gw-flats"):
        enrol(state, authority, "jinshui-garden", gateway)
    state.wifi.write_text(f'format = 1\n[[network]]\nssid = "Block 6"\nkey = "{KEY}"\n')
    (folder / "mp.bin").write_bytes(stand_in(app_bytes=20000))
    return folder


def webtools(community, out, *arguments, micropython=None):
    options = ["--out", out, "--micropython", micropython or community / "mp.bin"]
    call = ["webtools", community / "garden.toml", *arguments, *options, "--broker", "desk.local"]
    return CliRunner().invoke(cli.main, list(map(str, call)))


@pytest.fixture
def page(community, tmp_path):
    """The folder of a web page, and what the command has said."""
    done = webtools(community, tmp_path / "page", "gw-shops", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    schema = json.loads((schemas_dir() / "webtools.schema.json").read_text("utf-8"))
    jsonschema.validate(said, schema)
    return tmp_path / "page", said


def parts(folder):
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    [build] = manifest["builds"]
    return {part["offset"]: (folder / part["path"]).read_bytes() for part in build["parts"]}


def files(folder):
    """Return the files of the board's file system by path."""
    row = partition("vfs")
    flash = LittleFS(block_size=SECTOR, block_count=row.size // SECTOR, mount=False)
    image = parts(folder)[row.offset]
    flash.context.buffer[: len(image)] = image
    flash.mount()
    paths = [f"{top}/{name}" for top, _, names in flash.walk("/") for name in names]
    return {path.replace("//", "/"): flash.open(path, "rb").read() for path in paths}


def test_the_manifest_is_as_esp_web_tools_reads_it(page):
    folder, _ = page
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    [build] = manifest.pop("builds")
    assert manifest == {
        "name": "firegrid",
        "version": __version__,
        "new_install_prompt_erase": True,
        "new_install_improv_wait_time": 15,
    }
    assert build["chipFamily"] == "ESP32" and set(build) == {"chipFamily", "parts"}
    assert [part["offset"] for part in build["parts"]] == [0x1000, 0x8000, 0x10000, 0x204000]
    assert all(set(part) == {"path", "offset"} for part in build["parts"])


def test_the_page_knows_by_improv_what_it_has_installed(page):
    """It compares name and version with what the gateway answers."""
    manifest = json.loads((page[0] / "manifest.json").read_text("utf-8"))
    who = (ROOT / "firmware" / "who.py").read_text("utf-8")
    app = (ROOT / "firmware" / "app.py").read_text("utf-8")
    assert re.search(r'return "(\w+) " \+ json', who)[1] == manifest["name"]
    assert re.search(r'^VERSION = "(.+)"$', app, re.MULTILINE)[1] == manifest["version"]


def test_the_parts_are_a_whole_board_without_identity(page, community):
    folder, said = page
    found = parts(folder)
    assert found[0x1000][0] == found[0x10000][0] == 0xE9
    assert found[0x10000] == (community / "mp.bin").read_bytes()[0xF000:]
    assert read_table(found[TABLE_AT])
    prov = partition("prov")
    ends = {at: at + len(data) for at, data in found.items()}
    assert all(end <= prov.offset or at >= prov.end for at, end in ends.items())
    assert max(ends.values()) <= FLASH_BYTES
    assert [row["bytes"] for row in said["parts"]] == [len(data) for data in found.values()]


def test_no_secret_is_in_any_part(page, community):
    folder, _ = page
    state = State.of(community / "garden.toml")
    secrets = [KEY.encode(), b"Block 6", PASSPHRASE.encode()]
    for gateway in ("gw-shops", "gw-flats"):
        secrets.append(claim_code(state, gateway).encode())
        files = (state.identities / gateway).iterdir()
        secrets += [file.read_bytes()[-40:] for file in files if file.suffix == ".der"]
    secrets += [file.read_bytes()[-60:-20] for file in state.ca.iterdir()]
    assert len(secrets) >= 3 + 2 * 3 + 3
    for path in folder.iterdir():
        data = path.read_bytes()
        assert not [secret for secret in secrets if secret in data], path


def test_the_gateway_has_its_points_and_no_network(page):
    found = files(page[0])
    lines = [json.loads(line) for line in found["/etc/config.jsonl"].splitlines()]
    assert lines[0]["gateway"] == "gw-shops" and lines[0]["broker_host"] == "desk.local"
    assert lines[0]["wifi_ssid"] == lines[0]["wifi_key"] == ""
    assert sum(line["what"] == "point" for line in lines) == lines[0]["points"] > 0
    assert [path for path in found if path.startswith("/etc/")] == ["/etc/config.jsonl"]
    assert "/a/main.mpy" in found and "/boot.py" in found


def test_what_else_lies_there_stays_and_the_same_inputs_give_the_same_bytes(page, community):
    folder, _ = page
    (folder / "index.html").write_text("<p>")
    before = parts(folder)
    assert webtools(community, folder, "gw-shops").exit_code == 0
    assert parts(folder) == before and (folder / "index.html").exists()
    assert not [*folder.glob("*.part"), *folder.glob(".*")], "nothing half-written"


def test_the_community_needs_no_keys_for_it(community, tmp_path):
    shutil.copy(community / "garden.toml", tmp_path)
    shutil.copy(community / "mp.bin", tmp_path)
    done = webtools(tmp_path, tmp_path / "page", "gw-shops")
    assert done.exit_code == 0, done.output
    assert "gw-shops: " in done.stdout and "no secret in them" in done.stdout
    assert not (tmp_path / "garden.firegrid").exists()


def test_the_only_gateway_of_a_site_needs_no_name(community, tmp_path):
    shutil.copy(ROOT / "tests" / "sim" / "sites" / "yard.toml", tmp_path / "garden.toml")
    done = webtools(tmp_path, tmp_path / "page", micropython=community / "mp.bin")
    assert done.exit_code == 0 and "gw-gate: " in done.stdout, done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "has 4 gateways; name one of: gw-shops"),
        (["gw-none"], "has no gateway gw-none"),
    ],
)
def test_a_wrong_call_is_told_and_writes_nothing(arguments, words, community, tmp_path):
    done = webtools(community, tmp_path / "page", *arguments)
    assert done.exit_code == 1 and words in done.output
    assert not (tmp_path / "page").exists()


def test_a_micropython_for_another_chip_is_told(community, tmp_path):
    (tmp_path / "s3.bin").write_bytes(stand_in(chip=9, app_bytes=20000))
    done = webtools(community, tmp_path / "page", "gw-shops", micropython=tmp_path / "s3.bin")
    assert done.exit_code == 1 and "is for ESP32-S3, not for ESP32" in done.output


def test_a_folder_that_cannot_be_written_is_told(community, tmp_path):
    (tmp_path / "page").write_text("")
    done = webtools(community, tmp_path / "page" / "deeper", "gw-shops")
    assert done.exit_code == 1 and "cannot be written" in done.output
    assert "Traceback" not in done.output
