"""The community's own keys: made once, locked, and right by other people's tools."""

import json
import shutil
import stat
import subprocess
import sys

import jsonschema
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from firegrid import cli, resources
from firegrid.errors import FiregridError
from firegrid.identity import Authority
from firegrid.state import State

SITE = resources.checkout() / "tests" / "sim" / "sites" / "walk.toml"
SCHEMA = json.loads((resources.schemas_dir() / "ca-init.schema.json").read_text())
PASSPHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A community's folder with keys, and what the command has said."""
    folder = tmp_path_factory.mktemp("community")
    (folder / "passphrase").write_text(PASSPHRASE + "\n")
    done = init(folder, "--json")
    assert done.exit_code == 0, done.output
    return folder, json.loads(done.stdout)


def init(folder, *options, **given):
    arguments = ["ca", "init", str(SITE), "--state", str(folder / "state"), *options]
    if not given:
        arguments += ["--passphrase-file", str(folder / "passphrase")]
    return CliRunner().invoke(cli.main, arguments, **given)


def test_the_keys_are_made_for_their_owner_alone_and_locked(made):
    folder, said = made
    jsonschema.validate(said, SCHEMA)
    ca = folder / "state" / "ca"
    assert stat.S_IMODE(ca.stat().st_mode) == 0o700
    assert sorted(path.name for path in ca.iterdir()) == [
        "authority.json", "ca-key.pem", "ca.pem", "signing-key.pem", "signing.pem",
        "update-key.pem", "update.pem",
    ]  # fmt: skip
    for path in ca.glob("*-key.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(TypeError):  # it is encrypted
            load_pem_private_key(path.read_bytes(), None)
        assert load_pem_private_key(path.read_bytes(), PASSPHRASE.encode())
    assert PASSPHRASE not in json.dumps(said)


def test_they_are_never_written_over(made):
    folder, _ = made
    before = (folder / "state" / "ca" / "ca.pem").read_bytes()
    done = init(folder)
    assert done.exit_code == 1 and "has keys already" in done.output
    assert (folder / "state" / "ca" / "ca.pem").read_bytes() == before


def test_a_typed_passphrase_is_asked_for_twice_and_must_be_long(tmp_path):
    done = init(tmp_path, input="short\nshort\n")
    assert done.exit_code == 1 and "at least 10" in done.output
    assert not (tmp_path / "state" / "ca").exists()
    done = init(tmp_path, input=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert done.exit_code == 0, done.output
    assert PASSPHRASE not in done.output


def test_without_a_terminal_it_is_read_from_the_pipe_or_the_option_is_named(tmp_path):
    command = [sys.executable, "-m", "firegrid", "ca", "init", SITE, "--state", tmp_path / "state"]
    more = {"capture_output": True, "text": True, "start_new_session": True, "timeout": 60}
    done = subprocess.run(list(map(str, command)), input="", **more)
    assert done.returncode == 1 and "Warning" not in done.stderr, done.stderr
    assert "nobody is here to type it; --passphrase-file FILE" in done.stderr
    done = subprocess.run(list(map(str, command)), input=f"{PASSPHRASE}\n", **more)
    assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr


def test_a_wrong_passphrase_no_keys_and_a_damaged_folder_are_told(made, tmp_path):
    folder, _ = made
    state = State(folder / "state")
    with pytest.raises(FiregridError, match="does not open it"):
        Authority.load(state, "another one")
    with pytest.raises(FiregridError, match="no keys"):
        Authority.load(State(tmp_path), PASSPHRASE)
    copy = tmp_path / "copy"
    shutil.copytree(folder / "state", copy)
    for text, why in (('{"format": 2}', "format 2"), ("{", "is damaged")):
        (copy / "ca" / "authority.json").write_text(text)
        with pytest.raises(FiregridError, match=why):
            Authority.load(State(copy), PASSPHRASE)


def test_an_interrupted_start_leaves_nothing_in_the_way(tmp_path):
    state = State(tmp_path / "state").make()
    (state.directory / ".ca.new").mkdir()
    (state.directory / ".ca.new" / "ca.pem").write_text("half")
    made = Authority.create(state, "walk", PASSPHRASE)
    assert made.fingerprint == Authority.load(state, PASSPHRASE).fingerprint
    assert not (state.directory / ".ca.new").exists()


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_the_certificates_are_right_by_openssl(made):
    folder, said = made
    ca = folder / "state" / "ca"

    def openssl(*arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    openssl("verify", "-CAfile", ca / "ca.pem", ca / "signing.pem")
    printed = openssl("x509", "-in", ca / "ca.pem", "-noout", "-fingerprint", "-sha256")
    assert printed.strip().rpartition("=")[2].replace(":", "").lower() == said["ca_sha256"]
    told = openssl("rsa", "-pubin", "-in", ca / "update.pem", "-noout", "-text")
    assert "3072 bit" in told
