"""`firegrid provision`: identities once, images whole, the same bytes again, mistakes told."""

import json
import shutil
import stat
import subprocess

import jsonschema
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from firegrid import cli
from firegrid.identity import Authority
from firegrid.image.layout import TABLE_AT, partition, read_table
from firegrid.image.prov import read_prov
from firegrid.options import HostPort
from firegrid.resources import schemas_dir, site_path
from firegrid.state import State
from firegrid_sim.standin import stand_in

PASSPHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def community(tmp_path_factory):
    """A copy of the example with its keys, and a MicroPython; to be copied by each test."""
    folder = tmp_path_factory.mktemp("community")
    shutil.copy(site_path("jinshui-garden"), folder / "garden.toml")
    (folder / "pass").write_text(PASSPHRASE + "\n")
    (folder / "mp.bin").write_bytes(stand_in(app_bytes=20000))
    Authority.create(State.of(folder / "garden.toml"), "jinshui-garden", PASSPHRASE)
    return folder


@pytest.fixture
def bench(community, tmp_path):
    folder = tmp_path / "bench"
    shutil.copytree(community, folder)
    return folder


def provision(bench, *arguments, passphrase=True):
    options = ["--micropython", bench / "mp.bin", "--broker", "desk.local"]
    options += ["--passphrase-file", bench / "pass"] if passphrase else []
    call = ["provision", bench / "garden.toml", *options, *arguments]
    return CliRunner().invoke(cli.main, list(map(str, call)))


def report(bench, *arguments, **more):
    done = provision(bench, *arguments, "--json", **more)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    schema = json.loads((schemas_dir() / "provision.schema.json").read_text("utf-8"))
    jsonschema.validate(said, schema)
    return said


def state(bench):
    return bench / "garden.firegrid"


def image_of(bench, gateway):
    return (state(bench) / "images" / gateway / "image.bin").read_bytes()


def cut(image, label):
    row = partition(label)
    return image[row.offset : row.end]


def test_every_gateway_gets_an_identity_of_its_own_and_an_image(bench):
    said = report(bench)
    names = [row["gateway"] for row in said["gateways"]]
    assert names == ["gw-shops", "gw-flats", "gw-power", "gw-hydrants"]
    assert all(row["new"] and row["identity"] for row in said["gateways"])
    provs = [read_prov(cut(image_of(bench, name), "prov")) for name in names]
    assert [prov.gateway for prov in provs] == names
    assert len({prov.key for prov in provs}) == len({prov.claim_code for prov in provs}) == 4


def test_its_certificate_is_the_communitys_and_valid_from_the_start_of_the_ca(bench):
    report(bench, "gw-shops")
    prov = read_prov(cut(image_of(bench, "gw-shops"), "prov"))
    certificate, ca = map(x509.load_der_x509_certificate, (prov.certificate, prov.ca))
    certificate.verify_directly_issued_by(ca)
    assert certificate.not_valid_before_utc == ca.not_valid_before_utc
    assert certificate.not_valid_after_utc == ca.not_valid_after_utc
    assert certificate.subject.rfc4514_string() == "CN=jinshui-garden/gw-shops"
    key = load_der_private_key(prov.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == certificate.public_key()
    assert len(prov.update_key) == 384


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_openssl_takes_the_certificate_too(bench, tmp_path):
    report(bench, "gw-shops")
    prov = read_prov(cut(image_of(bench, "gw-shops"), "prov"))
    (tmp_path / "gw.der").write_bytes(prov.certificate)
    pem = state(bench) / "ca" / "ca.pem"
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", pem, "-purpose", "sslclient", tmp_path / "gw.der"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_image_has_our_table_and_the_users_micropython(bench):
    report(bench, "gw-shops")
    image = image_of(bench, "gw-shops")
    micropython = (bench / "mp.bin").read_bytes()
    assert read_table(image[TABLE_AT : TABLE_AT + 0xC00])[3].label == "prov"
    assert image[0x10000:].startswith(micropython[0xF000:])
    assert image[0x1000 : 0x1000 + 96] == micropython[:96]
    assert set(cut(image, "nvs")) == {0xFF}


def test_the_same_inputs_give_the_same_bytes_without_a_passphrase(bench):
    report(bench, "gw-shops")
    before = image_of(bench, "gw-shops")
    said = report(bench, "gw-shops", passphrase=False)
    assert image_of(bench, "gw-shops") == before
    assert not said["gateways"][0]["new"] and said["gateways"][0]["config_version"] == 1


def test_a_configuration_that_changes_is_a_new_version_of_it(bench):
    report(bench, "gw-shops")
    path = bench / "garden.toml"
    path.write_text(path.read_text().replace("number = 101\n", "number = 101\nalarm = 16\n"))
    assert report(bench, "gw-shops")["gateways"][0]["config_version"] == 2
    assert report(bench, "gw-shops")["gateways"][0]["config_version"] == 2


def test_an_identity_whose_key_is_on_its_board_is_not_made_anew(bench):
    report(bench, "gw-shops")
    (state(bench) / "identities" / "gw-shops" / "key.der").unlink()
    said = report(bench, "gw-shops", passphrase=False)
    assert not said["gateways"][0]["identity"]
    assert set(cut(image_of(bench, "gw-shops"), "prov")) == {0xFF}


def test_only_their_owner_reads_keys_and_images(bench):
    report(bench, "gw-shops")
    for path in state(bench).rglob("*"):
        if path.name in ("key.der", "image.bin", "identity.json"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((state(bench) / "images").stat().st_mode) == 0o700


def test_no_secret_is_printed(bench):
    (state(bench) / "wifi.toml").write_text(
        'format = 1\n[[network]]\nssid = "Block 6"\nkey = "very secret key"\n'
    )
    path = bench / "garden.toml"
    path.write_text(
        path.read_text().replace('id = "gw-shops"\n', 'id = "gw-shops"\nwifi_ssid = "Block 6"\n')
    )
    done = provision(bench, "gw-shops")
    assert done.exit_code == 0, done.output
    prov = read_prov(cut(image_of(bench, "gw-shops"), "prov"))
    for secret in ("very secret key", PASSPHRASE, prov.claim_code, prov.key.hex()):
        assert secret not in done.output
    assert b"very secret key" in cut(image_of(bench, "gw-shops"), "vfs")


WIFI = 'format = 1\n[[network]]\nssid = "{}"\nkey = {}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is not there, and the network Block 6 needs its key"),
        (WIFI.format("Block 7", '"12345678"'), "has no network Block 6"),
        (WIFI.format("Block 6", '"short"'), "key: is no key; 8 to 63"),
        (WIFI.format("Block 6", "12345678"), "key: is no key"),
        (WIFI.replace("format = 1", "format = 2").format("a", '""'), "format: 2 is unknown"),
        ("a b\nc = 1\n", "this is not TOML"),
    ],
)
def test_a_wifi_key_that_is_missing_or_wrong_is_told(text, words, bench):
    path = bench / "garden.toml"
    path.write_text(
        path.read_text().replace('id = "gw-shops"\n', 'id = "gw-shops"\nwifi_ssid = "Block 6"\n')
    )
    if text is not None:
        (state(bench) / "wifi.toml").write_text(text)
    done = provision(bench)
    assert done.exit_code == 1 and words in done.stderr
    assert not (state(bench) / "images").exists() and not (state(bench) / "identities").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["gw-none"], 1, "has no gateway gw-none"),
        (["--broker", "desk:99999"], 2, "is no HOST or HOST:PORT"),
        (["--broker", ""], 2, "is no HOST or HOST:PORT"),
        (["--broker", "http://desk:1883"], 2, "is no HOST or HOST:PORT"),
        (["--broker", "a b:1883"], 2, "is no HOST or HOST:PORT"),
        (["--micropython", "none.bin"], 2, "none.bin"),
    ],
)
def test_a_wrong_call_is_told(arguments, code, words, bench):
    done = provision(bench, *arguments)
    assert done.exit_code == code and words in done.output
    assert "Traceback" not in done.output


def test_a_broker_may_be_named_as_it_is_to_a_walk_test():
    for said in ("desk:1884", "mqtt://desk:1884"):
        assert HostPort().convert(said, None, None) == ("desk", 1884)


def test_without_keys_it_says_how_to_make_them(bench):
    shutil.rmtree(state(bench))
    done = provision(bench)
    assert done.exit_code == 1 and "firegrid ca init" in done.stderr


def test_a_wrong_passphrase_makes_nothing(bench):
    (bench / "pass").write_text("something else\n")
    done = provision(bench)
    assert done.exit_code == 1 and "the passphrase does not open it" in done.stderr
    assert not (state(bench) / "identities").exists()


@pytest.mark.parametrize("text", ["", "{", "{}", '{"format": 9}'])
def test_a_damaged_identity_is_told_and_left_alone(text, bench):
    report(bench, "gw-shops")
    path = state(bench) / "identities" / "gw-shops" / "identity.json"
    path.write_text(text)
    done = provision(bench, "gw-shops")
    assert done.exit_code == 1 and "identity.json" in done.stderr
    assert path.read_text() == text
