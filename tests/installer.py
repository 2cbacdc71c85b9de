"""What an installer has before him: boards at ports, commands that wait for him, points to try."""

import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from itertools import zip_longest

import paho.mqtt.client as paho
from click.testing import CliRunner
from firegrid import cli
from firegrid.resources import firmware_dir, hal_dir
from firegrid_sim.board import Bench
from firegrid_sim.flashed import FlashedBoard

WAIT_S = 300
RECORDED_S = 8  # a smoke detector's hold time, and what a busy machine adds
SIGNALS = {  # what sets a point of a kind off, and what does not
    "smoke": ("smoke_db_m", 2, 0),
    "leakage": ("leakage_ma", 600, 20),
    "gas": ("gas_pct_lel", 30, 0),
}


def run(*arguments, **more):
    """Run a command; return what came of it."""
    return CliRunner().invoke(cli.main, list(map(str, arguments)), **more)


@contextmanager
def flashed(
    server, directory, name="board-01", hardware=None, kind=FlashedBoard, image=b"", speed=1
):
    """A simulated board at a serial port, plugged in; with `image` in its flash."""
    bench = Bench(server, firmware_dir(), hal_dir(), speed=speed, start="start_flash.py")
    one = kind(name, directory, bench, hardware=hardware)
    one.flash.data[: len(image)] = image
    one.power_on()
    try:
        yield one
    finally:
        one.power_off()


def until(what, seconds=60):
    """Wait until something is so."""
    end_s = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end_s
        time.sleep(0.02)


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
