"""docs/INSTALL.md, word for word: every file that it shows is written, every `sh` block is run.

Of the README the bench without a board, too.
"""

import os
import re
import shutil
import sysconfig

import pytest
from firegrid.image.layout import TABLE_AT, partition, read_table
from firegrid.image.prov import read_prov
from firegrid.site.load import load_site
from firegrid_sim.broker import free_port
from firegrid_sim.standin import stand_in
from installer import Talker, firegrid, walk_all
from vm import ROOT

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (ROOT / "docs" / "INSTALL.md").read_text(encoding="utf-8")


README = (ROOT / "README.md").read_text(encoding="utf-8")
BENCH = PAGE.index("## 4.")  # from here on boards are plugged in
BROKER_PORT = free_port()


class Followed:
    """The folder of somebody who does what the page says, and what each block has printed."""

    def __init__(self, folder, bench=None):
        self.folder = folder
        self.said = []
        self._bench = bench
        path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
        self._env = os.environ | {"PATH": path, "LANG": "C.UTF-8", "LC_ALL": ""}
        self._env |= {"BROKER": f"127.0.0.1:{BROKER_PORT}", "PORTS": f"{folder}/bench/board-*"}

    def follow(self, page):
        for kind, name, text in BLOCK.findall(page):
            if name:
                (self.folder / name).write_text(text, encoding="utf-8")
            elif kind == "sh":
                self._run(text)

    def talking(self, text):
        """Begin one block."""
        return Talker(["bash", "-euc", text], cwd=self.folder, env=self._env)

    def _run(self, text):
        with self.talking(text) as block:
            if text.startswith("firegrid walktest"):
                site = load_site(self.folder / "street.toml")
                walk_all(self._bench, block, site, BROKER_PORT)
            block.process.stdin.close()
            code, told = block.end()
        assert code == 0, "\n".join([text, told, *block.said])
        self.said.append(told)


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installer")
    (folder / "ESP32_GENERIC.bin").write_bytes(stand_in(app_bytes=50_000))
    one = Followed(folder)
    one.follow(PAGE[:BENCH])
    return one


def test_every_block_up_to_the_bench_works_as_it_stands(followed):
    said = followed.said
    assert len(said) == 5
    assert "5 points from points.csv" in said[2] and "warning: my-street: 6 of 8 grids" in said[2]
    assert "[no-ca]" in said[2] and "[no-wifi]" not in said[2]


def test_each_gateway_has_its_image_and_its_label(followed):
    private = followed.folder / "street.firegrid"
    for gateway in ("gw-noodles", "gw-tailor"):
        image = (private / "images" / gateway / "image.bin").read_bytes()
        assert image[0x1000] == image[0x10000] == 0xE9
        assert read_table(image[TABLE_AT : TABLE_AT + 0xC00])
        row = partition("prov")
        assert read_prov(image[row.offset : row.end]).gateway == gateway
    assert (private / "reports" / "labels.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.full
def test_the_whole_page_leads_from_the_box_to_a_signed_report(tmp_path):
    (tmp_path / "ESP32_GENERIC.bin").write_bytes(stand_in())
    boards = ["sim", "boards", "--count", 2, "--dir", tmp_path / "bench"]
    one = Followed(tmp_path)
    one.follow(PAGE[:BENCH])
    boards += ["--site", tmp_path / "street.toml", "--broker-port", BROKER_PORT]
    with firegrid(*boards) as bench:
        bench.until(lambda: bench.has("ports: "))
        one = Followed(tmp_path, bench)
        one.follow(PAGE[BENCH:])
        bench.type("end")
        bench.end()
    doctor, _, web, walk, accepted, checked = one.said
    assert "4 parts of" in web
    assert "serial port" in doctor and "identities" in doctor and "MISSING" not in doctor
    private = tmp_path / "street.firegrid"
    assert not list((private / "identities").rglob("key.der")), "they are on the boards alone"
    assert {path.stem for path in (private / "reports" / "labels").iterdir()} == {
        "gw-noodles",
        "gw-tailor",
    }
    assert "ACCEPTED" in accepted.upper() and checked, (walk, accepted, checked)


@pytest.mark.full
def test_the_readme_has_a_bench_for_those_without_a_board(tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    page = README[README.index("The bench, without a board") :]
    page = page.replace("1884", str(BROKER_PORT))
    boards, rest = [text for kind, _, text in BLOCK.findall(page) if kind == "sh"][:2]
    one = Followed(tmp_path)
    with one.talking(boards) as bench:
        bench.until(lambda: bench.has("ports: "))
        with one.talking(rest) as block:
            code, told = block.end()
        assert code == 0, "\n".join([told, *block.said, *bench.told])
        bench.type("end")
        assert bench.end()[0] == 0
    for name in ("gw-noodles", "gw-dumplings"):
        assert block.has(f"DONE {name}: it says self-test ok"), block.said
    assert "self-test of the outputs begun by leader-1" in told
