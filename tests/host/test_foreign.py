"""The images by other people's tools: what they read is what we meant."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from community import community
from firegrid.image.build import read_image
from firegrid.image.filesystem import files_of
from firegrid.image.interpreter import APP_AT, BOOTLOADER_AT
from firegrid.image.layout import LAYOUT, partition
from firegrid.state import State

GATEWAY = "gw-bakery"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    site = community(tmp_path_factory.mktemp("foreign"), GATEWAY)
    return read_image(State.of(site).images / GATEWAY).data


def foreign(*command):
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_mp_image_tool_finds_every_partition_and_every_file(image, tmp_path):
    firmware = tmp_path / "firmware.bin"
    firmware.write_bytes(image[BOOTLOADER_AT:])  # it expects a file as MicroPython's own
    tool = Path(sysconfig.get_path("scripts")) / "mp-image-tool-esp32"
    said = foreign(tool, firmware, "--fs", "ls")
    rows = re.findall(r"^│ (\w+) +│ (\w+) +│.*?│ +(0x\w+) │ +(0x\w+) │", said, re.MULTILINE)
    found = [(name, int(offset, 16), int(size, 16)) for name, _, offset, size in rows]
    assert found == [(row.label, row.offset, row.size) for row in LAYOUT]
    row = partition("vfs")
    ours = files_of(image[row.offset : row.end].ljust(row.size, b"\xff"))
    listed = {"/" + line.strip() for line in said.splitlines()}
    assert "/boot.py" in ours and set(ours) <= listed


def test_esptool_finds_bootloader_and_app_sound(image, tmp_path):
    for name, at, end in (
        ("bootloader", BOOTLOADER_AT, 0x8000),
        ("app", APP_AT, partition("factory").end),
    ):
        file = tmp_path / f"{name}.bin"
        file.write_bytes(image[at:end])
        said = foreign(sys.executable, "-m", "esptool", "image-info", file)
        assert "Detected image type: ESP32" in said
        assert said.count("(valid)") == 2, "checksum and hash"
