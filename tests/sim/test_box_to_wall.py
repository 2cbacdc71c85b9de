"""Sixteen shops from the box to the wall: boards that come late and too many, flashed hands-free,
booted from what was written, tried point by point, and accepted with a signed report."""

import json
import re
import shutil
import subprocess

import jsonschema
import pytest
from community import community
from firegrid.image.build import read_image
from firegrid.image.layout import FLASH_BYTES, partition
from firegrid.resources import schemas_dir
from firegrid.site.load import load_site
from firegrid.state import State
from firegrid_sim.broker import free_port
from installer import firegrid, run, walk_all

OWN = ("nvs", "vfs", "events", "samples")  # what a started application writes itself


def boards(count, directory, site, port):
    one = firegrid(
        "sim", "boards", "--count", count, "--dir", directory, "--site", site, "--json",
        "--broker-port", port,
    )  # fmt: skip
    one.until(lambda: one.has("ports: "))
    return one


def flash(site, directory):
    done = run("flash", site, "--all", "--ports", f"{directory}/board-*", "--wait", "0", "--json")
    report = json.loads(done.stdout)
    jsonschema.validate(report, json.loads((schemas_dir() / "flash.schema.json").read_text()))
    return report, done.exit_code, done.stderr


def results(report):
    counts = {}
    for one in report["boards"]:
        counts[one["result"]] = counts.get(one["result"], 0) + 1
    return counts


def compare(flash_file, image):
    """Every byte of the image is in the flash, every other byte is erased or the gateway's own."""
    data, wanted = bytearray(flash_file.read_bytes()), bytearray(image.ljust(FLASH_BYTES, b"\xff"))
    for name in OWN:
        row = partition(name)
        data[row.offset : row.end] = wanted[row.offset : row.end] = bytes(row.size)
    assert data == wanted


@pytest.mark.full
def test_sixteen_shops_from_the_box_to_the_wall(tmp_path):
    port = free_port()
    site = community(tmp_path / "shops", app_bytes=1_600_000, broker=f"127.0.0.1:{port}")
    plan, state, directory = load_site(site), State.of(site), tmp_path / "bench"
    names = [gateway.id for gateway in plan.gateways]
    images = {name: read_image(state.images / name).data for name in names}

    with boards(14, directory, site, port) as bench:  # two boards too few
        report, code, said = flash(site, directory)
        assert (code, len(report["missing"])) == (3, 2), said
        assert results(report) == {"done": 14}
        for name in report["missing"]:
            assert re.search(rf"{name}.*no board yet", said)
        bench.type("end")
        assert bench.end()[0] == 0

    with boards(18, directory, site, port) as bench:  # and now two too many
        report, code, said = flash(site, directory)
        assert (code, report["missing"]) == (0, []), said
        assert results(report) == {"up to date": 14, "done": 2, "left as it is": 2}
        over = [one["port"] for one in report["boards"] if one["result"] == "left as it is"]
        assert all(f"{port_}: LEFT AS IT IS" in said for port_ in over)
        macs = {}
        for line in state.boards.read_text().splitlines():
            row = json.loads(line)
            macs.setdefault(row["gateway"], set()).add(row["mac"])
        assert set(macs) == set(names) and all(len(one) == 1 for one in macs.values())
        assert len(set.union(*macs.values())) == len(names)
        board_of = {}
        for line in bench.told:
            row = json.loads(line)
            if row["gateway"]:
                board_of[row["gateway"]] = row["board"]
        for name in names:
            compare(directory / f".{board_of[name]}" / "flash.bin", images[name])
            assert (state.reports / "labels" / f"{name}.png").stat().st_size > 1000
            assert not (state.identities / name / "key.der").exists()
        walk(bench, site, plan, port)
        bench.type("end")
        bench.end()
    accept(site, tmp_path)


def walk(bench, site, plan, port):
    command = ["walktest", site, "--by", plan.people[0].id, "--desk", "--json"]
    with firegrid(*command, "--broker", f"mqtt://127.0.0.1:{port}") as one:
        walk_all(bench, one, plan, port)
        code, told = one.end()
    report = json.loads(told)
    jsonschema.validate(report, json.loads((schemas_dir() / "walktest.schema.json").read_text()))
    assert (code, report["passed"]) == (0, True), report


def accept(site, tmp_path):
    plan = load_site(site)
    done = run(
        "accept", site, "--by", plan.people[0].id, "--passphrase-file", site.parent / "pass",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    [page] = (State.of(site).reports).glob("acceptance-*.html")
    text = page.read_text(encoding="utf-8")
    for point in plan.points:
        assert point.id in text
    ca = State.of(site).ca / "ca.pem"
    done = run("accept", "--verify", page, "--ca", ca)
    assert done.exit_code == 0, done.output
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium: how the report looks; apt-get install chromium")
    picture = tmp_path / "report.png"
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,6000"]
    command += [f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert picture.stat().st_size > 50_000
