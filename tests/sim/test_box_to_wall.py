"""Sixteen shops from the box to the wall: boards that come late and too many, flashed hands-free,
booted from what was written, tried point by point, and accepted with a signed report."""

import json
import re
import shutil
import subprocess
import sys
import threading
import time

import jsonschema
import paho.mqtt.client as paho
import pytest
from firegrid.image.build import read_image
from firegrid.image.layout import FLASH_BYTES, partition
from firegrid.resources import schemas_dir
from firegrid.site.load import load_site
from firegrid.state import State
from firegrid_sim.broker import free_port
from installer import community, run

WAIT_S = 300
SIGNALS = {"smoke": ("smoke_db_m", 2, 0), "leakage": ("leakage_ma", 600, 20)}
SIGNALS["gas"] = ("gas_pct_lel", 30, 0)
RECORDED_S = 8  # a smoke detector's hold time, and what a busy machine adds
OWN = ("nvs", "vfs", "events", "samples")  # what a started application writes itself


class Talker:
    """A command that runs while we type; what it says is kept."""

    def __init__(self, *arguments):
        command = [sys.executable, "-m", "firegrid", *map(str, arguments)]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen(command, text=True, **pipes)
        self.said, self.told = [], []
        streams = ((self.process.stderr, self.said), (self.process.stdout, self.told))
        self._readers = [threading.Thread(target=_read, args=one, daemon=True) for one in streams]
        for reader in self._readers:
            reader.start()

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def until(self, what, seconds=WAIT_S):
        end_s = time.monotonic() + seconds
        while not what():
            assert self.process.poll() is None, "\n".join(self.said[-20:])
            assert time.monotonic() < end_s, "\n".join(self.said[-20:])
            time.sleep(0.05)

    def has(self, text):
        return any(text in line for line in self.said)

    def end(self):
        """Return the exit code and its report."""
        code = self.process.wait(WAIT_S)
        for reader in self._readers:
            reader.join()
        return code, "\n".join(self.told)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


def _read(stream, lines):
    for line in stream:
        lines.append(line.rstrip())


def boards(count, directory, site, port):
    one = Talker(
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


def stimulate(bench, walk, point):
    """Somebody holds the test gas under it and types its number."""
    signal, high, _ = SIGNALS[point.kind]
    walk.type(point.id)
    bench.type(f"drive {point.id} {signal} {high}")


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
        walk_all(bench, site, plan, port)
        bench.type("end")
        bench.end()
    accept(site, tmp_path)


class Statuses:
    """Which gateways the broker takes to be there."""

    def __init__(self, port, site):
        self.online = {}
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(f"firegrid/1/{site}/+/up/status", 1)
        self._client.loop_start()

    def _take(self, _client, _data, message):
        self.online[message.topic.split("/")[3]] = b"online" in message.payload

    def stop(self):
        self._client.loop_stop()
        self._client.disconnect()


def walk_all(bench, site, plan, port):
    walk = Talker(
        "walktest", site, "--by", plan.people[0].id, "--desk", "--json",
        "--broker", f"mqtt://127.0.0.1:{port}",
    )  # fmt: skip
    gateways = [gateway.id for gateway in plan.gateways]
    statuses = Statuses(port, plan.id)
    with walk:
        for name in gateways:
            walk.until(lambda g=name: walk.has(f"{g}: in test"))
        rows = [[one for one in plan.points if one.gateway == name] for name in gateways]
        for row in zip(*rows, strict=True):  # a person in each shop, one point after another
            for point in row:
                stimulate(bench, walk, point)
            for point in row:
                walk.until(lambda p=point: walk.has(f"{p.id}: passed"), 60)
                signal, _, rest = SIGNALS[point.kind]
                bench.type(f"drive {point.id} {signal} {rest}")
        for name in gateways:
            bench.type(f"link {name} off")
        walk.until(lambda: not any(statuses.online.values()), 120)
        for point in [row[0] for row in rows]:
            bench.type(f"drive {point.id} smoke_db_m 2")  # so that there is something to tell
        time.sleep(RECORDED_S)
        for name in gateways:
            bench.type(f"link {name} on")
        for name in gateways:
            walk.until(lambda g=name: walk.has(f"{g}: network test passed"), 120)
            bench.type(f"cut {name} 2")
        for name in gateways:
            walk.until(lambda g=name: walk.has(f"{g}: power test passed"), 120)
        code, told = walk.end()
    statuses.stop()
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
