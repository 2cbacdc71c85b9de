"""Simulated boards at serial ports: real tools write them, and what was written is what runs."""

import json
import subprocess
import sys
from statistics import mean

import jsonschema
import pytest
from firegrid.image.filesystem import filesystem_image, on_board
from firegrid.image.interpreter import APP_AT, BOOTLOADER_AT
from firegrid.image.layout import TABLE_AT, TABLE_BYTES, partition, table_bytes
from firegrid.resources import schemas_dir
from firegrid_sim.board import HEAP, WATCHDOG
from firegrid_sim.flashed import FLASH_KIB, Hardware
from firegrid_sim.rom import Flash, Trouble
from installer import flashed, until
from vm import new_board, run_board

WAIT_S = 60


def esptool(port, *arguments):
    command = [sys.executable, "-m", "esptool", "--port", str(port), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)


def test_esptool_finds_chip_mac_and_size_and_each_board_is_another(server, tmp_path):
    said = []
    for name in ("board-01", "board-02"):
        with flashed(server, tmp_path, name) as one:
            done = esptool(one.path, "flash-id")
            assert done.returncode == 0, done.stdout + done.stderr
            assert "Detected flash size: 4MB" in done.stdout
            assert one.mac.hex(":") in done.stdout
            said.append(one.mac)
    assert len(set(said)) == 2


def test_the_flash_behaves_as_nor(tmp_path):
    flash = Flash(tmp_path / "flash.bin", 64 * 1024)
    begin = (4096 + 10).to_bytes(4, "little") + bytes(8)
    flash.data[0:65536] = bytes(65536)
    flash.begin_plain(begin + (4096).to_bytes(4, "little"))
    erased = b"\xff" * 8192
    assert flash.data[4096:12288] == erased, "whole sectors, before anything is written"
    assert flash.data[0:4096] == bytes(4096) and flash.data[12288:] == bytes(65536 - 12288)
    flash.write_plain_block((4).to_bytes(4, "little") + bytes(12) + b"\x0f\xf0\xff\x00")
    flash._at -= 4
    flash.write_plain_block((4).to_bytes(4, "little") + bytes(12) + b"\xff\x0f\x55\xff")
    assert flash.data[4096:4100] == b"\x0f\x00\x55\x00", "programming only clears bits"
    flash.close()


def test_a_silent_cable_and_another_chip(server, tmp_path):
    with flashed(server, tmp_path, hardware=Hardware(trouble=Trouble(silent=True))) as one:
        done = esptool(one.path, "--connect-attempts", 1, "chip-id")
        assert done.returncode and "No serial data received" in done.stdout + done.stderr
    with flashed(server, tmp_path, hardware=Hardware(chip="esp32s3")) as one:
        done = esptool(one.path, "--chip", "esp32", "chip-id")
        assert done.returncode and "ESP32-S3" in done.stdout + done.stderr


def test_a_cable_that_is_pulled_takes_the_port_away(server, tmp_path):
    hardware = Hardware(trouble=Trouble(cut_after_bytes=2000))
    with flashed(server, tmp_path, hardware=hardware) as one:
        assert esptool(one.path, "flash-id").returncode
        assert not one.path.exists()
        one.plug()
        assert esptool(one.path, "flash-id").returncode == 0


@pytest.mark.full
def test_over_rfc2217_dtr_and_rts_reset_it_and_choose_its_mode(server, tmp_path):
    with flashed(server, tmp_path) as one:
        url = f"rfc2217://127.0.0.1:{one.network.port}?ign_set_control"
        done = esptool(url, "flash-id")
        assert done.returncode == 0 and one.mac.hex(":") in done.stdout
        done = esptool(url, "--before", "no-reset", "--connect-attempts", 1, "chip-id")
        assert done.returncode, "nobody asked for the download mode"


def test_the_command_offers_ports_and_does_what_is_typed(tmp_path):
    command = [sys.executable, "-m", "firegrid", "sim", "boards", "--count", "2", "--json"]
    command += ["--dir", tmp_path / "bench", "--site", "nanyuan-shops"]
    command += ["--trouble", "board-02:chip=esp32s3"]
    typed = "status\nunplug board-02\ndrive smoke-nowhere x 1\nnonsense\nplug board-09\n"
    typed += "drive smoke-noodles smoke_db_m much\nend\n"
    done = subprocess.run(
        list(map(str, command)), input=typed, capture_output=True, text=True, timeout=WAIT_S
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    schema = json.loads((schemas_dir() / "sim-boards.schema.json").read_text())
    for row in rows:
        jsonschema.validate(row, schema)
    assert [row["event"] for row in rows] == ["plugged in"] * 2 + ["is there"] * 2
    assert len({row["mac"] for row in rows}) == 2
    assert "no point smoke-nowhere" in done.stderr
    assert "'nonsense' is not understood; type help" in done.stderr
    assert "'plug board-09' is not understood; unplug BOARD, plug BOARD" in done.stderr
    assert "'drive smoke-noodles smoke_db_m much' is not understood; drive POINT" in done.stderr
    assert not list((tmp_path / "bench").glob("board-*")), "the ports are gone"


@pytest.mark.parametrize("wrong", ["board-09:silent", "board-01:cut=x", "board-01:on-fire"])
def test_trouble_that_is_none_is_a_usage_error(wrong):
    command = [sys.executable, "-m", "firegrid", "sim", "boards", "--count", "2"]
    done = subprocess.run([*command, "--trouble", wrong], capture_output=True, text=True)
    assert done.returncode == 2 and "write BOARD:WHAT" in done.stderr


def test_what_was_flashed_is_what_starts_and_mpremote_speaks_to_it(server, tmp_path, image):
    with flashed(server, tmp_path, image=image) as one:
        until(lambda: "firegrid {" in one.console())
        said = json.loads(one.console().split("firegrid ", 1)[1].split("\n")[0])
        assert (said["gateway"], said["self_test"]) == ("gw-bakery", "ok"), one.console()
        assert one.became == "gw-bakery"
        tool = [sys.executable, "-m", "mpremote", "connect", str(one.path), "resume", "exec"]
        program = "import esp32; print(esp32.Partition.find(1, label='events')[0].info())"
        done = subprocess.run([*tool, program], capture_output=True, text=True, timeout=WAIT_S)
        assert done.returncode == 0, done.stdout + done.stderr
        row = partition("events")
        assert str((row.offset, row.size)).strip("()") in done.stdout
        done = subprocess.run([*tool, "1/0"], capture_output=True, text=True, timeout=WAIT_S)
        assert done.returncode and "ZeroDivisionError" in done.stdout + done.stderr


def bootable(files):
    """Return the flash of a board whose file system holds these files."""
    flash = bytearray(b"\xff" * partition("vfs").offset)
    flash[BOOTLOADER_AT] = flash[APP_AT] = 0xE9
    flash[TABLE_AT : TABLE_AT + TABLE_BYTES] = table_bytes()
    return flash + filesystem_image(files)


FAILS = b"""
import time
print("begins")
time.sleep(60)
raise ValueError("no luck")
"""


def test_noise_does_not_stop_a_start_and_one_that_fails_is_tried_again(server, tmp_path):
    """Else a gateway could be dead after a power cut, with nobody there."""
    image = bootable(on_board({"boot.py": b"", "main.py": FAILS}, []))
    with flashed(server, tmp_path, image=image, speed=60) as one, open(one.path, "wb", 0) as port:
        for start in (1, 2):
            until(lambda n=start: one.console().count("begins") >= n)
            port.write(b"\x03")
        assert one.console().count("begins") == 2, one.console()
        assert one.resets[WATCHDOG] == 1
        assert "no luck" in one.console() and "KeyboardInterrupt" not in one.console()


MEASURE = "import gc\ngc.collect()\ngc.collect()\nprint('heap', gc.mem_alloc())\n"


def test_flash_and_file_system_take_of_the_heap_what_is_added_for_them(server, tmp_path):
    """On average: paths lie in the heap, and their lengths move what stands beside them."""
    taken = [taken_bytes(server, tmp_path / ("x" * length)) for length in range(1, 41, 5)]
    assert mean(taken) / 1024 == pytest.approx(FLASH_KIB, rel=0.15)


def taken_bytes(server, directory):
    """Return how much more of the heap a flashed board has taken than one without a flash."""
    app = directory / "app"
    app.mkdir(parents=True)
    (app / "boot.py").write_text("")
    (app / "main.py").write_text(MEASURE)
    without = run_board(new_board(directory / "plain"), app, heap=HEAP).stdout
    with flashed(server, directory, image=bootable({"/main.py": MEASURE.encode()})) as one:
        until(lambda: ">>>" in one.console())
        return heap(one.console()) - heap(without)


def heap(printed):
    return int(printed.split("heap ")[1].split()[0])
