"""The example's shops as an installer has them when boards come out of the box: keys, identities
and images are made. For tests and for the bench; nothing of it is a real community's."""

import shutil
from pathlib import Path

from click.testing import CliRunner
from firegrid import cli
from firegrid.errors import FiregridError
from firegrid.identity import Authority
from firegrid.resources import site_path
from firegrid.state import State
from firegrid_sim.standin import stand_in

SITE = "nanyuan-shops"
PASSPHRASE = "correct horse battery"
WIFI = 'format = 1\n\n[[network]]\nssid = "Nanyuan-Fire"\nkey = "a key of 8 to 63"\n'
BROKER = "127.0.0.1:18830"


def community(folder: Path, *gateways: str, app_bytes: int = 20_000, broker: str = BROKER) -> Path:
    """Make site file, keys and images in a folder, of these gateways or of all; return the site
    file."""
    folder.mkdir(parents=True, exist_ok=True)
    site = folder / "shops.toml"
    shutil.copy(site_path(SITE), site)
    (folder / "pass").write_text(PASSPHRASE + "\n")
    (folder / "mp.bin").write_bytes(stand_in(app_bytes=app_bytes))
    Authority.create(State.of(site), SITE, PASSPHRASE)
    State.of(site).wifi.write_text(WIFI)
    arguments = ["provision", site, *gateways, "--micropython", folder / "mp.bin"]
    arguments += ["--broker", broker, "--passphrase-file", folder / "pass"]
    done = CliRunner().invoke(cli.main, list(map(str, arguments)))
    if done.exit_code:
        raise FiregridError(f"no images were made: {done.output}")
    return site
