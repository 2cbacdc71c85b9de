"""`firegrid journal dump`: reads what the firmware has written, and says what is torn.

The example of docs/SPEC-journal.md stands between the two: the firmware in the VM must write it
byte by byte, the host must read in it what the page says."""

import json
import os
import pty
import random
import re
from binascii import crc32
from contextlib import suppress

import jsonschema
import pytest
from click.testing import CliRunner
from firegrid import cli, resources
from firegrid.errors import FiregridError
from firegrid.flashlog import read_image
from serial_board import SerialBoard
from vm import HAL, ROOT, new_board, run_vm

PAGE = ROOT / "docs" / "SPEC-journal.md"
PROGRAM = ROOT / "tests" / "sim" / "journal_example_program.py"
SCHEMA = json.loads((resources.schemas_dir() / "journal-dump.schema.json").read_text("utf-8"))
ROW = re.compile(r"^([0-9a-f]{5}): ((?:[0-9a-f]{2} ?){16})$", re.MULTILINE)
SECTOR, SECTORS = 4096, 5


def rows(text):
    return {int(at, 16): bytes.fromhex(row) for at, row in ROW.findall(text)}


@pytest.fixture
def example():
    """The image of the worked example, from the page."""
    image = bytearray(b"\xff" * (SECTOR * SECTORS))
    for at, row in rows(PAGE.read_text("utf-8")).items():
        image[at : at + 16] = row
    return image


def dump(tmp_path, image, *options):
    path = tmp_path / "partition-events.bin"
    path.write_bytes(image)
    return CliRunner().invoke(cli.main, ["journal", "dump", str(path), *options])


def report(tmp_path, image):
    done = dump(tmp_path, image, "--json")
    said = json.loads(done.output)
    jsonschema.validate(said, SCHEMA)
    assert done.exit_code == (3 if said["faults"] else 0)
    return said


def test_the_firmware_writes_the_example_byte_by_byte():
    path = f"{ROOT / 'firmware'}:{ROOT / 'tests' / 'firmware'}:{HAL}:.frozen"
    done = run_vm(PROGRAM, MICROPYPATH=path)
    assert done.returncode == 0, done.stderr
    assert len(rows(done.stdout)) == 13
    assert rows(done.stdout) == rows(PAGE.read_text("utf-8"))


def test_the_example_reads_as_the_page_says(example, tmp_path):
    said = report(tmp_path, example)
    assert (said["lane"], said["epoch"]) == ("events", 0xA4C3F217)
    assert f"epoch {said['epoch']}." in PAGE.read_text("utf-8")
    assert (said["stored"], said["told"]) == (1, 1)
    assert [sector["state"] for sector in said["sectors"]] == ["used", "used", "erased"] + [
        "blank"
    ] * 2
    assert [(sector["serial"], sector["first"]) for sector in said["sectors"][:3]] == [
        (1, 1),
        (2, 2),
        (None, None),
    ]
    alarm, end = said["records"]
    assert alarm == {
        "n": 1, "boot": 3, "point": 101, "up_s": 812, "up_ms": 40, "mode": "live",
        "time_quality": "desk", "time_s": 1767225600, "event": "condition", "conditions": 1,
        "changed": 1, "value": 25.1, "limit": 15, "code": 0,
    }  # fmt: skip
    assert (end["n"], end["conditions"], end["value"]) == (2, 0, 4.2)


def test_what_stands_is_told_as_of_the_last_record(example, tmp_path):
    assert report(tmp_path, example)["states"] == []
    example[0x1020:0x1040] = b"\xff" * 32
    assert report(tmp_path, example)["states"] == [
        {
            "point": 101, "conditions": 1, "acknowledged": 0, "bypassed": False,
            "walk_test": False, "drill": False, "silenced": False,
        }
    ]  # fmt: skip
    assert "101" in dump(tmp_path, example).output


@pytest.mark.parametrize(
    ("at", "broken", "fault"),
    [
        (0x1040, b"\x03\0\0\0torn", (1, 0x40, "torn record")),
        (0x28, b"\x00", (0, 0x20, "record")),
        (0x1FC0, b"\x01\x08", (1, 0xFC0, "torn note")),
        (0x2010, b"\x02\0\0\0", (2, 16, "header")),
        (0x3000, b"rubbish", (3, 0, "header")),
    ],
)
def test_what_is_torn_or_rotten_is_named_and_ends_with_3(at, broken, fault, example, tmp_path):
    example[at : at + len(broken)] = broken
    [found] = report(tmp_path, example)["faults"]
    assert (found["sector"], found["offset"], found["what"]) == fault
    done = dump(tmp_path, example)
    assert done.exit_code == 3 and f"byte {fault[1]}:" in done.output


def test_another_format_is_named(example, tmp_path):
    head = bytearray(example[:12])
    head[3] = 2
    example[0x3000:0x3010] = head + crc32(head).to_bytes(4, "little")
    [found] = report(tmp_path, example)["faults"]
    assert found == {"sector": 3, "offset": 0, "what": "format"}


def test_for_people_it_prints_sectors_records_and_words(example, tmp_path):
    text = dump(tmp_path, example).output
    assert text.startswith("events, epoch 2764304919: 2 records; ")
    assert "sector 2: erased, erases 1" in text and "event=condition" in text
    assert "扇区 2：已擦除" in dump(tmp_path, example, "--lang", "zh").output


def test_a_new_partition_is_an_empty_journal(tmp_path):
    said = report(tmp_path, b"\xff" * SECTOR * 3)
    assert (said["lane"], said["records"], said["faults"]) == (None, [], [])


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (b"", "0 bytes are no whole sectors"),
        (b"\xff" * 5000, "5000 bytes are no whole sectors of 4096"),
        (b"hello world!" * 1024, "no sector has a header"),
    ],
)
def test_what_is_no_journal_is_refused(image, words, tmp_path):
    done = dump(tmp_path, image)
    assert done.exit_code == 1 and words in done.stderr and "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    done = CliRunner().invoke(cli.main, ["journal", "dump", str(tmp_path / "none.bin")])
    assert done.exit_code == 1 and "none.bin" in done.stderr


def test_no_rubbish_breaks_it(example):
    chance = random.Random(4)
    for _ in range(300):
        image = bytearray(example)
        for _ in range(chance.randrange(1, 60)):
            image[chance.randrange(len(image))] = chance.randrange(256)
        with suppress(FiregridError):  # where too much of it is rubbish
            read_image(bytes(image))


def test_no_record_that_is_sealed_breaks_it(example):
    """A firmware that counts wrong, or is newer, seals what nobody knows."""
    chance = random.Random(5)
    slots = range(32, 32 + 32 * 8, 32)
    for _ in range(300):
        image = bytearray(example)
        for at in slots:
            for where in (4, 6, 12, 13, 20, 21):
                if chance.random() < 0.3:
                    image[at + where] = chance.randrange(256)
            image[at + 28 : at + 32] = crc32(image[at : at + 28]).to_bytes(4, "little")
        read_image(bytes(image))


# ---- a board at a serial port ----


@pytest.fixture
def board(tmp_path, example):
    """A board whose events begin with the example; the rest of its flash is blank."""
    directory = new_board(tmp_path / "board")
    image = example.ljust(288 * 1024, b"\xff")
    (directory / "partition-events.bin").write_bytes(image)
    return directory


def dump_port(port, *options):
    return CliRunner().invoke(cli.main, ["journal", "dump", "--port", port, *options])


def test_a_board_at_a_serial_port_says_the_same_as_its_image(board, tmp_path):
    copy = tmp_path / "copy.bin"
    with SerialBoard(board) as serial:
        done = dump_port(serial.port, "--json", "--save", str(copy))
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    jsonschema.validate(said, SCHEMA)
    image = board / "partition-events.bin"
    assert copy.read_bytes() == image.read_bytes()
    from_file = CliRunner().invoke(cli.main, ["journal", "dump", str(image), "--json"])
    assert said | {"file": ""} == json.loads(from_file.stdout) | {"file": ""}
    assert (board / "reset").read_text() == "2"  # the application runs again


def test_the_samples_of_a_board_are_read_as_well(board):
    with SerialBoard(board) as serial:
        done = dump_port(serial.port, "--lane", "samples", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["records"] == []


@pytest.mark.parametrize(
    ("garble", "why"),
    [
        (lambda output: output.replace(b"Rkd", b"R~~", 1), "came"),
        (lambda output: output[: len(output) // 2], "came"),
        (lambda output: b"0\r\n", "no partition 'events'"),
        (lambda output: b"hello\r\n", "'hello'"),
    ],
)
def test_a_disturbed_line_is_one_clear_error(garble, why, board, tmp_path):
    copy = tmp_path / "copy.bin"
    with SerialBoard(board, garble) as serial:
        done = dump_port(serial.port, "--save", str(copy))
    assert done.exit_code == 1
    assert why in done.output and "Traceback" not in done.output
    assert not copy.exists()


def test_a_port_that_is_none_is_one_clear_error():
    done = dump_port("/dev/no-such-port")
    assert done.exit_code == 1 and "cannot be opened" in done.output


@pytest.mark.full
def test_a_port_that_says_nothing_is_one_clear_error():
    master, slave = pty.openpty()
    try:
        done = dump_port(os.ttyname(slave))
    finally:
        os.close(master)
        os.close(slave)
    assert done.exit_code == 1 and "no answer from MicroPython" in done.output


def test_image_and_port_exclude_each_other():
    for arguments in ([], ["a.bin", "--port", "COM3"], ["a.bin", "--save", "b.bin"]):
        assert CliRunner().invoke(cli.main, ["journal", "dump", *arguments]).exit_code == 2
