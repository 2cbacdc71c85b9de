"""docs/INSTALL.md, word for word: every file that it shows is written, every `sh` block is run."""

import os
import re
import subprocess
import sysconfig

import pytest
from firegrid.image.layout import TABLE_AT, partition, read_table
from firegrid.image.prov import read_prov
from firegrid_sim.standin import stand_in
from vm import ROOT

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (ROOT / "docs" / "INSTALL.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """The folder of somebody who has done what the page says, and what each block has printed."""
    folder = tmp_path_factory.mktemp("installer")
    (folder / "ESP32_GENERIC.bin").write_bytes(stand_in(app_bytes=50_000))
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    said = []
    for kind, name, text in BLOCK.findall(PAGE):
        if name:
            (folder / name).write_text(text, encoding="utf-8")
        elif kind == "sh":
            done = subprocess.run(
                ["bash", "-euc", text],
                cwd=folder,
                env=os.environ | {"PATH": path, "LANG": "C.UTF-8", "LC_ALL": ""},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
            said.append(done.stdout)
    return folder, said


def test_every_block_of_the_page_works_as_it_stands(followed):
    _, said = followed
    assert len(said) == 6
    assert "5 points from points.csv" in said[1] and "warning: my-street: 6 of 8 grids" in said[1]
    assert "[no-ca]" in said[1] and "[no-wifi]" not in said[1]
    assert "identities" in said[4] and "MISSING  identities" not in said[4]
    assert "4 parts of" in said[5]


def test_each_gateway_has_its_image_and_its_label(followed):
    folder, _ = followed
    private = folder / "street.firegrid"
    for gateway in ("gw-noodles", "gw-tailor"):
        image = (private / "images" / gateway / "image.bin").read_bytes()
        assert image[0x1000] == image[0x10000] == 0xE9  # the page writes it from the first byte
        assert read_table(image[TABLE_AT : TABLE_AT + 0xC00])
        row = partition("prov")
        assert read_prov(image[row.offset : row.end]).gateway == gateway
    assert (private / "reports" / "labels.pdf").read_bytes().startswith(b"%PDF")
