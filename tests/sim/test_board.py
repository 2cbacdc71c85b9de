"""A simulated board: what it is given, what it tells, and all ways in which it is reset."""

import struct
import time

import pytest
from firegrid.errors import FiregridError
from firegrid.resources import hal_dir
from firegrid_sim.board import (
    BUS_KIB,
    EVENTS,
    HAL_KIB,
    HARD,
    POWER_ON,
    SAMPLES,
    SOFT,
    WATCHDOG,
    Bench,
    Board,
    Channel,
    Probe,
    Register,
    channel_index,
    compiled,
    mac_address,
)

WAIT_S = 30
SAY_CAUSE = "import machine\nprint('cause', machine.reset_cause())\n"
SLEEP = "import time\nwhile True: time.sleep_ms(50)\n"


@pytest.fixture
def make(server, tmp_path):
    """Make a board whose firmware is the given main.py; it is switched off at the end."""
    boards = []

    def make(main, **bench):
        app = tmp_path / "app"
        (app / "lib").mkdir(parents=True, exist_ok=True)
        (app / "boot.py").write_text("")
        (app / "main.py").write_text(main)
        directory = tmp_path / "boards" / "gw-shops"
        board = Board("gw-shops", directory, Bench(server, app, hal_dir(), **bench))
        boards.append(board)
        return board

    yield make
    for board in boards:
        board.stop()


def eventually(is_so, timeout_s=WAIT_S):
    deadline = time.monotonic() + timeout_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_so()


def says(board, text):
    assert eventually(lambda: text in board.console()), board.console()


def word(board, layout, at):
    return struct.unpack_from(layout, (board.directory / "io.bin").read_bytes(), at)


# ---- what it is given ----


def test_the_firmware_reads_its_configuration_from_flash(make):
    board = make("print(open('/etc/config.jsonl').read())\n" + SLEEP)
    board.configure([{"what": "gateway", "gateway": "gw-shops"}, {"what": "point", "point": 101}])
    board.start()
    says(board, '{"what":"gateway","gateway":"gw-shops"}\n{"what":"point","point":101}\n')


def test_the_firmware_sees_the_voltage_the_button_and_the_link(make):
    board = make(
        "import machine, network, time\n"
        "adc = machine.ADC(machine.Pin(34), atten=machine.ADC.ATTN_11DB)\n"
        "button = machine.Pin(4, machine.Pin.IN, machine.Pin.PULL_UP)\n"
        "wlan = network.WLAN(network.STA_IF)\nwlan.active(True)\nwlan.connect('a', 'b')\n"
        "while True:\n"
        "    time.sleep_ms(20)\n"
        "    print(round(adc.read_uv() / 100000), button.value(), wlan.isconnected())\n"
    )
    board.io.set_channel("gpio34", Channel(0.4))
    board.start()
    says(board, "4 1 True\n")
    board.io.set_channel("gpio34", Channel(1.2))
    says(board, "12 1 True\n")
    board.io.set_pin(4, False)
    says(board, "12 0 True\n")
    board.io.set_link(False)
    says(board, "12 0 False\n")
    board.io.set_pin(4, True)
    board.io.set_link(True)
    says(board, "12 1 True\n")


def test_an_input_has_its_place_in_the_shared_file():
    assert [channel_index(f"gpio{pin}") for pin in (32, 39)] == [0, 7]
    assert [channel_index(f"ads1115@0x48/{n}") for n in (0, 3)] == [8, 11]
    assert channel_index("ads1115@0x4b/3") == 23


def test_a_channel_is_written_as_the_hardware_abstraction_reads_it(make):
    board = make(SLEEP)
    board.io.set_channel("ads1115@0x49/1", Channel(1.5, 0.25, 50, 0.125, 0.5))
    assert word(board, "<fffffI", 64 + 24 * 13) == (1.5, 0.25, 50, 0.125, 0.5, 1)
    board.io.set_channel("ads1115@0x49/1", Channel(driven=False))
    assert word(board, "<fffffI", 64 + 24 * 13) == (0, 0, 0, 0, 0, 0)
    board.io.set_i2c(0x49, 3)
    assert word(board, "<IIII", 640) == (0, 3, 0, 0)


def test_each_gateway_has_a_mac_address_of_its_own(make):
    board = make("import machine\nprint(machine.unique_id().hex())\n" + SLEEP)
    board.start()
    says(board, mac_address("gw-shops").hex())
    assert mac_address("gw-shops") != mac_address("gw-flats")
    assert mac_address("gw-shops")[0] & 3 == 2  # locally administered, not a group


def test_the_simulated_chip_takes_of_the_heap_what_is_added_for_it(make):
    board = make(
        "import gc, machine, network, esp32, socket, select, os, time\n"
        "machine.Pin, machine.ADC, machine.I2C, machine.WDT, network.WLAN, esp32.NVS\n"
        "esp32.Partition\n"
        "gc.collect()\ngc.collect()\nprint('heap', gc.mem_alloc())\n" + SLEEP
    )
    board.start()
    says(board, "heap ")
    taken = int(board.console().split("heap ")[1].split()[0])
    assert taken / 1024 == pytest.approx(HAL_KIB, rel=0.15)


# ---- what it tells ----


def test_edges_come_in_order_and_once(make):
    board = make(
        "from machine import Pin\nimport time\n"
        "pin = Pin(25, Pin.OUT, value=0)\npin.value(1)\nprint('on')\n"
        "time.sleep_ms(300)\npin.value(0)\nprint('off')\n" + SLEEP
    )
    begin_ns = time.time_ns()
    board.start()
    says(board, "on")
    first = board.edges.new()
    assert [(edge.pin, edge.value) for edge in first][-1] == (25, 1)
    assert begin_ns < first[-1].time_ns < time.time_ns()
    says(board, "off")
    assert [(edge.pin, edge.value) for edge in board.edges.new()] == [(25, 0)]
    assert board.edges.new() == []


def test_a_record_that_is_not_whole_yet_is_left_for_later(make):
    board = make(SLEEP)
    record = struct.pack("<IHHIHIBBiiI", 7, 3, 101, 5, 0, 0, 1, 17, 24000, 15000, 0)
    row = struct.pack("<QIB3x32s", 1_000, 20, EVENTS, record)
    tap = board.directory / "seam.bin"
    tap.write_bytes(row + row[:20])
    [raised] = board.seam.new()
    assert (raised.time_ns, raised.ticks_ms, raised.lane) == (1_000, 20, EVENTS)
    assert (raised.n, raised.boot, raised.record) == (7, 3, record)
    assert board.seam.new() == []
    with tap.open("ab") as file:
        file.write(row[20:])
    assert [raised.n for raised in board.seam.new()] == [7]


def test_a_reading_without_value_is_none_with_its_code(make):
    board = make(SLEEP)
    rows = [
        struct.pack("<QIHBBi", 9, 8, 101, 1, 0, 24981),
        struct.pack("<QIHBBi", 9, 8, 101, 9, 2, -(2**31)),
    ]
    (board.directory / "readings.bin").write_bytes(b"".join(rows))
    first, second = board.readings.new()
    assert (first.point, first.conditions, first.code, first.value) == (101, 1, 0, 24981)
    assert (second.conditions, second.code, second.value) == (9, 2, None)


def test_the_journals_seam_is_tapped(make, tmp_path):
    board = make(
        "from lib.journal import Lane\nlane = Lane(1)\nlane.append(bytearray(range(32)))\n" + SLEEP
    )
    (tmp_path / "app" / "lib" / "journal.py").write_text(
        "class Lane:\n"
        "    def __init__(self, number):\n        self.number = number\n"
        "    def append(self, record):\n        self.slot = record\n        return 1\n"
    )
    board.start()
    seen = []
    assert eventually(lambda: seen.extend(board.seam.new()) or seen)
    assert (seen[0].lane, seen[0].record) == (SAMPLES, bytes(range(32)))


def test_what_an_earlier_run_left_in_the_folder_is_not_read_again(make):
    board = make(SLEEP)
    (board.directory / "edges.bin").write_bytes(bytes(16))
    (board.directory / "nvs.json").write_text("{}")
    again = make(SLEEP)
    assert again.edges.new() == []
    assert (again.directory / "nvs.json").exists()  # what the chip keeps is kept


# ---- how it is reset ----


def restarted(board, cause):
    """Wait for the start after the first; it must say the cause, and be counted."""
    says(board, f"cause {POWER_ON}\n")
    says(board, f"cause {cause}\n")
    assert board.resets == {cause: 1}


ONCE = "if machine.reset_cause() == 1:\n    "


def test_the_first_start_is_a_power_on_and_no_reset(make):
    board = make(SAY_CAUSE + SLEEP)
    board.start()
    says(board, f"cause {POWER_ON}\n")
    assert not board.resets
    assert board.pid


def test_machine_reset_starts_it_again_with_cause_hard(make):
    board = make(SAY_CAUSE + ONCE + "machine.reset()\n" + SLEEP)
    board.start()
    restarted(board, HARD)


def test_soft_reset_starts_it_again_with_cause_soft(make):
    board = make(SAY_CAUSE + ONCE + "machine.soft_reset()\n" + SLEEP)
    board.start()
    restarted(board, SOFT)


def test_a_watchdog_that_is_not_fed_resets_it_even_in_a_busy_loop(make):
    board = make(SAY_CAUSE + ONCE + "machine.WDT(timeout=1000)\n    while True: pass\n" + SLEEP)
    board.start()
    restarted(board, WATCHDOG)


def test_a_watchdog_that_is_fed_lets_it_live(make):
    board = make(
        SAY_CAUSE + "import time\ndog = machine.WDT(timeout=2000)\n"
        "for _ in range(30):\n    time.sleep_ms(100)\n    dog.feed()\nprint('alive')\n" + SLEEP
    )
    board.start()
    says(board, "alive")
    assert not board.resets


def test_a_crash_under_a_watchdog_ends_in_its_reset(make):
    board = make(SAY_CAUSE + ONCE + "machine.WDT(timeout=60000)\n    raise OSError(5)\n" + SLEEP)
    board.start()
    restarted(board, WATCHDOG)
    assert "OSError" in board.console()


def test_the_limit_of_a_watchdog_is_gone_after_the_reset(make):
    board = make(SAY_CAUSE + ONCE + "machine.WDT(timeout=1000)\n    machine.reset()\n" + SLEEP)
    board.start()
    restarted(board, HARD)
    time.sleep(1.5)
    assert board.resets == {HARD: 1}


def test_a_power_cut_is_sudden_and_ends_in_a_power_on(make):
    board = make(
        "import machine\nprint('start', machine.reset_cause())\n"
        "try:\n    while True: pass\nfinally:\n    print('noticed')\n"
    )
    board.start()
    says(board, "start 1\n")
    board.power_cut(1)
    assert eventually(lambda: board.pid is None)
    assert eventually(lambda: board.console() == "start 1\nstart 1\n")
    assert board.resets == {POWER_ON: 1}


def test_a_board_that_is_switched_off_stays_off(make):
    board = make(SAY_CAUSE + "machine.reset()\n")
    board.start()
    says(board, "cause 2")
    board.stop()
    before = board.console()
    time.sleep(0.6)
    assert board.console() == before
    assert board.pid is None


def test_its_last_words_are_told(make):
    board = make("print('first')\nraise ValueError('no such pin')\n")
    board.start()
    says(board, "no such pin")
    assert board.last_words() == "ValueError: no such pin"


def test_a_folder_without_firmware_is_refused(tmp_path):
    with pytest.raises(FiregridError, match=r"holds no main.mpy; run `make compile`"):
        compiled(str(tmp_path))


def test_each_bus_takes_of_the_heap_what_is_added_for_it(make):
    board = make(
        "import gc, hal_stations, machine, onewire\nmachine.UART\n"
        "port = machine.UART(2)\nwire = onewire.OneWire(machine.Pin(13))\nwire.reset()\n"
        "gc.collect()\ngc.collect()\nprint('heap', gc.mem_alloc())\n" + SLEEP
    )
    board.io.set_register(Register(17, 3, 0, 1, 1, 0, 0, 20))
    board.io.set_probe(Probe(13, 1, 20_000, b"12345678"))
    board.start()
    says(board, "heap ")
    taken = int(board.console().split("heap ")[1].split()[0])
    assert taken / 1024 < HAL_KIB * 1.15 + 2 * BUS_KIB
