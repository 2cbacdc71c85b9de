"""A community whose images are made, as an installer has it when boards come out of the box."""

import shutil
import subprocess
import sys
import threading
import time
from itertools import zip_longest

import paho.mqtt.client as paho
from click.testing import CliRunner
from firegrid import cli
from firegrid.identity import Authority
from firegrid.resources import site_path
from firegrid.state import State
from firegrid_sim.standin import stand_in

PASSPHRASE = "correct horse battery"
WIFI = 'format = 1\n\n[[network]]\nssid = "Nanyuan-Fire"\nkey = "a key of 8 to 63"\n'
WAIT_S = 300
RECORDED_S = 8  # a smoke detector's hold time, and what a busy machine adds
SIGNALS = {  # what sets a point of a kind off, and what does not
    "smoke": ("smoke_db_m", 2, 0),
    "leakage": ("leakage_ma", 600, 20),
    "gas": ("gas_pct_lel", 30, 0),
}
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


class Talker:
    """A command that runs while we type; what it says is kept."""

    def __init__(self, command, **more):
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen(list(map(str, command)), text=True, **pipes, **more)
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
        return any(text in line for line in [*self.said, *self.told])

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


def firegrid(*arguments):
    """Start a command of ours."""
    return Talker([sys.executable, "-m", "firegrid", *arguments])


def stimulate(bench, walk, point):
    """Somebody holds the test gas under it and types its number."""
    signal, high, _ = SIGNALS[point.kind]
    walk.type(point.id)
    bench.type(f"drive {point.id} {signal} {high}")


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


def walk_all(bench, walk, plan, port):
    """Try every point, then each gateway without network and without power: `bench` is a running
    `firegrid sim boards`, `walk` a running `firegrid walktest` that has everything to try."""
    gateways = [gateway.id for gateway in plan.gateways]
    statuses = Statuses(port, plan.id)
    try:
        for name in gateways:
            walk.until(lambda g=name: walk.has(f"{g}: in test"))
        rows = [[one for one in plan.points if one.gateway == name] for name in gateways]
        for at_once in zip_longest(*rows):  # a person in each shop, one point after another
            row = [point for point in at_once if point]
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
    finally:
        statuses.stop()
