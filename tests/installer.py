"""A community whose images are made, as an installer has it when boards come out of the box."""

import shutil

from click.testing import CliRunner
from firegrid import cli
from firegrid.identity import Authority
from firegrid.resources import site_path
from firegrid.state import State
from firegrid_sim.standin import stand_in

PASSPHRASE = "correct horse battery"
WIFI = 'format = 1\n\n[[network]]\nssid = "Nanyuan-Fire"\nkey = "a key of 8 to 63"\n'
BROKER = "127.0.0.1:18830"


def run(*arguments, **more):
    """Run a command; return what came of it."""
    return CliRunner().invoke(cli.main, list(map(str, arguments)), **more)


def community(folder, *gateways, app_bytes=20000, broker=BROKER):
    """Make site file, keys and images of the example's shops in a folder; return the site file."""
    folder.mkdir(parents=True, exist_ok=True)
    site = folder / "shops.toml"
    shutil.copy(site_path("nanyuan-shops"), site)
    (folder / "pass").write_text(PASSPHRASE + "\n")
    (folder / "mp.bin").write_bytes(stand_in(app_bytes=app_bytes))
    Authority.create(State.of(site), "nanyuan-shops", PASSPHRASE)
    State.of(site).wifi.write_text(WIFI)
    provision(site, *gateways, broker=broker)
    return site


def provision(site, *gateways, broker=BROKER):
    """Make identities and images."""
    options = ["--micropython", site.parent / "mp.bin", "--broker", broker]
    options += ["--passphrase-file", site.parent / "pass"]
    done = run("provision", site, *gateways, *options)
    assert done.exit_code == 0, done.output
