"""`firegrid monitor` as a person or a program runs it, on the real embedded broker."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from firegrid import mqtt, wire
from firegrid_sim.broker import Broker, free_port
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "wire" / "good"
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "monitor.schema.json").read_text("utf-8"))
SITE, GATEWAY = "jinshui-garden", "gw-shops"


def until(true: Callable[[], object], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


@pytest.fixture
def broker(tmp_path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def gateway(broker) -> Iterator[mqtt.Client]:
    client = mqtt.Client(broker.url, "gateway", lambda message: None)
    client.start()
    yield client
    client.stop()


def say(client: mqtt.Client, *rest: object, payload: object, retain: bool = False) -> None:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    assert client.publish(wire.topic(SITE, GATEWAY, "up", *rest), raw, retain=retain)


def golden(name: str) -> object:
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))["payload"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "firegrid", "monitor", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60)


class Monitor:
    """A monitor that runs; `out` and `err` are the lines it has written so far."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=lines.extend, args=[pipe])
            for lines, pipe in ((self.out, self.process.stdout), (self.err, self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def end(self, how: int = signal.SIGINT) -> int:
        """Interrupt it; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            for reader in self._readers:
                reader.join()
            self.process.stdout.close()
            self.process.stderr.close()


@contextmanager
def watching(broker: Broker, *arguments: str) -> Iterator[Monitor]:
    monitor = Monitor(SITE, "--broker", broker.url, *arguments)
    try:
        until(lambda: any("watching" in line for line in monitor.out + monitor.err))
        yield monitor
    finally:
        monitor.end()


# ---- for programs ----


def test_each_change_is_one_json_object_on_a_line(broker, gateway):
    with watching(broker, "--json") as monitor:
        say(gateway, "status", payload={"status": "online", "boot": 3})
        say(gateway, "event", payload=golden("event-alarm"))
        say(gateway, "sample", payload=golden("sample"))
        until(lambda: any('"value"' in line and '"what": "value"' in line for line in monitor.out))
    rows = [json.loads(line) for line in monitor.out]
    assert [row["what"] for row in rows][:2] == ["online", "condition"]
    assert all(next(iter(row)) == "schema" for row in rows)
    validator = Draft202012Validator(SCHEMA)
    assert [error.message for row in rows for error in validator.iter_errors(row)] == []
    alarm = rows[1]
    assert (alarm["id"], alarm["conditions"]) == ("smoke-noodle-shop", ["ALARM"])


def test_every_golden_message_can_be_watched(broker, gateway):
    """And nothing of what it prints is outside its schema."""
    with watching(broker, "--json") as monitor:
        for path in sorted(GOLDEN.glob("*.json")):
            message = json.loads(path.read_text("utf-8"))
            if "/up/" in message["topic"]:
                rest = message["topic"].partition("/up/")[2].split("/")
                say(gateway, *rest, payload=message["payload"])
        say(gateway, "status", payload={"status": "online", "boot": 9})
        say(gateway, "status", payload={"status": "offline", "boot": 9})
        until(lambda: monitor.out and '"what": "offline"' in monitor.out[-1])
    validator = Draft202012Validator(SCHEMA)
    rows = [json.loads(line) for line in monitor.out]
    assert [error.message for row in rows for error in validator.iter_errors(row)] == []
    assert not any("not understood" in line for line in monitor.err)


def test_the_summary_goes_where_it_does_not_disturb_the_json(broker):
    with watching(broker, "--json") as monitor:
        assert monitor.end() == 0
    assert monitor.out == []
    assert re.fullmatch(
        r"watched \d+ s: 0 of 4 gateways online, 0 changes, alarms open: 0\n", monitor.err[-1]
    )


def test_a_reader_that_goes_away_ends_it_without_a_traceback(broker, gateway):
    process = subprocess.Popen(
        command(SITE, "--broker", broker.url, "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert "watching" in process.stderr.readline()
        process.stdout.close()
        for status in ("online", "offline") * 3:
            say(gateway, "status", payload={"status": status, "boot": 3})
        assert process.wait(30) == 1
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


# ---- without a terminal ----


def test_without_a_terminal_it_writes_lines_and_ends_with_a_summary(broker, gateway):
    with watching(broker) as monitor:
        say(gateway, "status", payload={"status": "online", "boot": 3})
        say(gateway, "event", payload=golden("event-alarm"))
        until(lambda: any("ALARM" in line for line in monitor.out))
        assert monitor.end() == 0
    assert monitor.out[0].startswith("» watching Jinshui Garden")
    assert monitor.out[1].rstrip().endswith("gw-shops is online")
    assert "▲ ALARM (told late)  smoke smoke-noodle-shop" in monitor.out[2]  # it is an old one
    assert monitor.out[-1].endswith("1 of 4 gateways online, 2 changes, alarms open: 1\n")
    assert monitor.err == []


def test_what_is_retained_is_shown_to_who_comes_later(broker, gateway):
    say(gateway, "status", payload={"status": "online", "boot": 3}, retain=True)
    time.sleep(0.1)
    with watching(broker) as monitor:
        until(lambda: any("gw-shops is online" in line for line in monitor.out))


def test_ending_it_from_outside_is_the_same_as_ctrl_c(broker):
    with watching(broker) as monitor:
        assert monitor.end(signal.SIGTERM) == 0
    assert "watched" in monitor.out[-1]


def test_rubbish_is_told_and_passed_over(broker, gateway):
    with watching(broker) as monitor:
        say(gateway, "event", payload=b"\xff\x00 rubbish \x1b[31m")
        say(gateway, "status", payload={"status": "online", "boot": 3})
        until(lambda: any("is online" in line for line in monitor.out))
    assert any("not understood" in line for line in monitor.out)
    assert "\x1b" not in "".join(monitor.out)


def test_losing_the_broker_and_finding_it_again_is_told(broker):
    with watching(broker) as monitor:
        broker.stop()
        until(lambda: any("the broker is away" in line for line in monitor.out))
        broker.start()
        until(lambda: any("the broker is back" in line for line in monitor.out))


def test_it_only_watches(broker, gateway):
    """Whoever watches must never be taken for a desk that stores."""
    heard: list[str] = []
    ear = mqtt.Client(broker.url, "ear", lambda m: heard.append(m.topic), ["firegrid/#"])
    ear.start()
    with watching(broker) as monitor:
        say(gateway, "event", payload=golden("event-alarm"))
        until(lambda: any("ALARM" in line for line in monitor.out))
    ear.stop()
    assert heard == [wire.topic(SITE, GATEWAY, "up", "event")]


# ---- refusals ----


def test_no_broker_is_one_line_and_exit_code_1():
    url = f"mqtt://127.0.0.1:{free_port()}"
    done = run(SITE, "--broker", url)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"firegrid: no broker at {url}: connection refused; start one")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["no-such-site"], "no-such-site: no such site file"),
        ([SITE, "--broker", "http://desk:secret@here"], "is not a broker's address"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_code_1(arguments, said):
    done = run(*arguments)
    assert done.returncode == 1
    assert said in done.stderr and len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr


def test_a_wrong_option_is_a_usage_error():
    assert run(SITE, "--brokr", "x").returncode == 2


# ---- on a terminal ----


def on_a_terminal(broker: Broker, act: Callable[[], None], **env: str) -> tuple[int, str]:
    """Run it on an 80x24 terminal until `act` is done and seen; return exit code and output."""
    main, side = pty.openpty()
    os.set_blocking(main, False)
    size = {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        command(SITE, "--broker", broker.url),
        stdin=side, stdout=side, stderr=side, start_new_session=True,
        env={k: v for k, v in os.environ.items() if k != "NO_COLOR"} | size | env,
    )  # fmt: skip
    os.close(side)
    output = ""

    def read(seconds: float = 0.05) -> str:
        nonlocal output
        if select.select([main], [], [], seconds)[0]:
            try:
                output += os.read(main, 1 << 16).decode(errors="replace")
            except OSError:  # the other side is closed
                time.sleep(seconds)
        return output

    try:
        until(lambda: "watching" in read())
        act()
        until(lambda: "is online" in read() or "1 of 4 online" in read())
        process.send_signal(signal.SIGINT)
        until(lambda: read() and process.poll() is not None)
        return process.returncode, read(0.2)
    finally:
        process.kill()
        process.wait()
        os.close(main)


def test_on_a_terminal_it_draws_a_picture_and_leaves_the_screen_in_order(broker, gateway):
    code, output = on_a_terminal(
        broker, lambda: say(gateway, "status", payload={"status": "online", "boot": 3})
    )
    assert code == 0
    assert "\x1b[?1049h" in output and "Traceback" not in output
    after = output.rpartition("\x1b[?1049l")[2]
    assert "\x1b[?25h" in output.rpartition("\x1b[?25l")[2], "the cursor is back"
    assert "gateways 1 of 4 online" in after and "watched" in after
    assert re.search("\x1b\\[[0-9;]*3[0-9]m", output), "there is colour"


def test_on_a_terminal_no_color_is_honoured(broker, gateway):
    code, output = on_a_terminal(
        broker,
        lambda: say(gateway, "status", payload={"status": "online", "boot": 3}),
        NO_COLOR="1",
    )
    assert code == 0
    codes = [found.split(";") for found in re.findall("\x1b\\[([0-9;]*)m", output)]
    assert not [code for found in codes for code in found if re.fullmatch("[349][0-9]", code)]
