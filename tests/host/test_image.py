"""What is written to a board: every part reads back, damage is told, the VM boots from it."""

import hashlib
import json
import random
import struct
from contextlib import suppress
from itertools import pairwise

import pytest
from firegrid.errors import FiregridError
from firegrid.image.build import Part, image_bytes
from firegrid.image.filesystem import application, filesystem_image, on_board, slot_pointer
from firegrid.image.interpreter import read_interpreter
from firegrid.image.layout import FLASH_BYTES, LAYOUT, SECTOR, partition, read_table, table_bytes
from firegrid.image.prov import Prov, prov_bytes, read_prov
from firegrid.resources import firmware_dir
from firegrid_sim.standin import stand_in
from littlefs import LittleFS
from vm import run_vm

PROV = Prov(
    "yard", "gw-1", b"k" * 121, b"c" * 400, b"a" * 420, b"n" * 384, "ABCD-1234", 1790000000
)
APP_AT = 0xF000  # in the file, which begins at 0x1000 of the flash


# ---- the partition table ----


def test_the_table_is_as_the_house_has_it():
    assert read_table(table_bytes()) == LAYOUT
    assert LAYOUT[-1].end == FLASH_BYTES
    assert all(one.end == other.offset for one, other in pairwise(LAYOUT))
    assert all(row.offset % SECTOR == row.size % SECTOR == 0 for row in LAYOUT)


def test_the_table_is_the_one_that_was_proven_on_stock_micropython():
    """Row for row as ESP-IDF's own tool writes it; the MD5 is that of the rows."""
    data = table_bytes()
    assert len(data) == 0xC00
    assert data[:32].hex() == "aa500102" + "00900000" + "00600000" + b"nvs".hex() + "00" * 17
    end = 32 * len(LAYOUT)
    assert data[end : end + 16] == b"\xeb\xeb" + b"\xff" * 14
    assert data[end + 16 : end + 32] == hashlib.md5(data[:end], usedforsecurity=False).digest()
    assert set(data[end + 32 :]) == {0xFF}


@pytest.mark.parametrize(
    ("at", "byte", "words"),
    [(0, 0, "AA 50"), (4, 0x91, "MD5"), (9, 0xFF, "MD5"), (12, 0xFF, "label")],
)
def test_a_damaged_table_is_refused(at, byte, words):
    data = bytearray(table_bytes())
    data[at] = byte
    with pytest.raises(FiregridError, match=words):
        read_table(bytes(data))


def test_partitions_that_overlap_are_refused():
    wrong = (LAYOUT[0], LAYOUT[1]._replace(offset=0x9000), *LAYOUT[2:])
    with pytest.raises(FiregridError, match="overlap"):
        read_table(table_bytes(wrong))


@pytest.mark.parametrize("data", [b"", b"\xff" * 0xC00, b"\xaa\x50" * 5000])
def test_what_is_no_table_is_refused(data):
    with pytest.raises(FiregridError):
        read_table(data)


# ---- the identity ----


def test_an_identity_reads_back_from_either_copy():
    data = bytearray(prov_bytes(PROV))
    assert len(data) == partition("prov").size and read_prov(bytes(data)) == PROV
    data[100] ^= 1
    assert read_prov(bytes(data)) == PROV
    data[8192 + 100] ^= 1
    with pytest.raises(FiregridError, match="no identity"):
        read_prov(bytes(data))


def test_an_identity_of_another_format_names_both_numbers():
    data = bytearray(prov_bytes(PROV))
    data[4] = data[8192 + 4] = 7
    with pytest.raises(FiregridError, match="format 7; this program reads 1"):
        read_prov(bytes(data))


def test_one_that_is_too_long_is_refused():
    with pytest.raises(FiregridError, match="there is room for 8192"):
        prov_bytes(PROV._replace(certificate=bytes(9000)))


def test_no_rubbish_in_an_identity_breaks_the_reader():
    chance = random.Random(8)
    for _ in range(300):
        data = bytearray(prov_bytes(PROV))
        for _ in range(chance.randrange(1, 40)):
            data[chance.randrange(2000)] = chance.randrange(256)
            data[8192 + chance.randrange(2000)] = chance.randrange(256)
        with suppress(FiregridError):
            assert read_prov(bytes(data)) == PROV


# ---- MicroPython ----


@pytest.fixture(scope="module")
def micropython():
    return stand_in(app_bytes=20000)


def test_a_bin_is_taken_apart(micropython, tmp_path):
    path = tmp_path / "mp.bin"
    path.write_bytes(micropython)
    found = read_interpreter(path)
    assert found.version == (1, 29, 0) and found.is_stand_in
    assert found.app == micropython[APP_AT:]
    assert micropython.startswith(found.bootloader) and len(found.bootloader) % 16 == 0
    assert found.sha256 == hashlib.sha256(micropython).hexdigest()


def test_what_stands_behind_the_app_is_not_a_part_of_it(micropython, tmp_path):
    path = tmp_path / "mp.bin"
    path.write_bytes(micropython + b"\xff" * 5000)
    assert read_interpreter(path).app == micropython[APP_AT:]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: b"", "is no MicroPython"),
        (lambda data: data[APP_AT:], "is no MicroPython"),
        (lambda data: data[: APP_AT + 5000], "ends in the middle of its app"),
        (lambda data: data[:-40], "ends in the middle of its app|checksum"),
        (lambda data: data[:-1] + b"x", "the SHA-256 of its app is wrong"),
        (lambda data: flipped(data, APP_AT + 9000), "the checksum of its app is wrong"),
        (lambda data: flipped(data, 40), "of its bootloader is wrong"),
        (lambda data: flipped(data, 0x7000), "partition table"),
        (lambda data: flipped(data, APP_AT + 1), "of its app|segments|middle"),
        (lambda data: stand_in("1.16", app_bytes=5000), "is MicroPython 1.16; .* need 1.24"),
        (lambda data: stand_in("1.23.0", app_bytes=5000), "is MicroPython 1.23.0"),
        (lambda data: stand_in(chip=9, app_bytes=5000), "is for ESP32-S3, not for ESP32"),
        (lambda data: stand_in(app_bytes=2_100_000), "there is room for 2031616"),
    ],
)
def test_a_wrong_or_damaged_bin_is_told_in_plain_words(change, words, micropython, tmp_path):
    path = tmp_path / "mp.bin"
    path.write_bytes(change(micropython))
    with pytest.raises(FiregridError, match=words) as told:
        read_interpreter(path)
    assert "mp.bin" in str(told.value)


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def test_no_rubbish_breaks_the_reader(micropython, tmp_path):
    chance = random.Random(9)
    path = tmp_path / "mp.bin"
    for _ in range(100):
        data = bytearray(micropython)
        for _ in range(chance.randrange(1, 10)):
            near = chance.choice((0, 0x7000, APP_AT))
            data[near + chance.randrange(64)] = chance.randrange(256)
        path.write_bytes(data)
        try:
            read_interpreter(path)
        except FiregridError as error:
            assert "mp.bin" in str(error)


# ---- the file system ----


@pytest.fixture(scope="module")
def files():
    return on_board(application(firmware_dir()), [{"what": "gateway", "name": "花园"}])


@pytest.fixture(scope="module")
def image(files):
    return filesystem_image(files)


def test_the_file_system_holds_every_file_and_is_the_same_each_time(files, image):
    assert filesystem_image(files) == image and len(image) < partition("vfs").size // 2
    made = LittleFS(block_size=SECTOR, block_count=partition("vfs").size // SECTOR, mount=False)
    made.context.buffer[:] = image.ljust(partition("vfs").size, b"\xa5")  # over what was there
    made.mount()
    for path, content in files.items():
        if path.endswith("/"):
            assert made.stat(path.rstrip("/"))
        else:
            with made.open(path, "rb") as file:
                assert file.read() == content
    assert made.fs_stat().disk_version == 0x00020000


def test_files_that_do_not_fit_are_refused():
    with pytest.raises(FiregridError, match="do not fit"):
        filesystem_image({"/big": bytes(partition("vfs").size)})


BOOT = r"""
import os, sys, vfs
class Flash:
    def __init__(self, data): self.data = bytearray(data)
    def readblocks(self, n, buf, off=0):
        at = n * 4096 + off
        buf[:] = self.data[at:at + len(buf)]
    def writeblocks(self, n, buf, off=None):
        at = n * 4096 + (off or 0)
        self.data[at:at + len(buf)] = buf
    def ioctl(self, op, arg):
        if op == 4: return len(self.data) // 4096
        if op == 5: return 4096
        if op == 6: self.data[arg * 4096:(arg + 1) * 4096] = b"\xff" * 4096
        return 0
with open({path!r}, "rb") as file:
    data = file.read()
flash = Flash(data + b"\xff" * ({size} - len(data)))
vfs.mount(vfs.VfsLfs2(flash, progsize=32, readsize=32, lookahead=32), "/board")
os.chdir("/board")
class Chip:  # what this VM lacks
    from micropython import const
    WDT = kbd_intr = lambda *_, **__: None
sys.modules["machine"] = sys.modules["micropython"] = Chip
real_open, real_stat, real_rename = open, os.stat, os.rename
source = real_open("/board/boot.py").read()
source = source.replace('"/slot', '"/board/slot').replace('"/" +', '"/board/" +')
def start():
    sys.path[:] = [""]
    sys.modules.pop("boot", None)
    exec(source, {{"__name__": "boot"}})
    return sys.path[0]
"""


@pytest.fixture
def boot(tmp_path):
    """Return a function that mounts an image in the VM, and runs lines that call start()."""

    def boot(image, *lines):
        path = tmp_path / "vfs.bin"
        path.write_bytes(image)
        program = tmp_path / "boot_program.py"
        head = BOOT.format(path=str(path), size=partition("vfs").size)
        program.write_text(head + "\n".join(lines) + "\n")
        done = run_vm(program, heap="16M")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.split()

    return boot


def test_the_vm_mounts_it_and_boots_the_application_of_the_slot(image, boot):
    assert boot(image, "print(start())", "import lib.record; print(lib.record.SIZE)") == [
        "/board/a",
        "32",
    ]


def pointer(**slot):
    line = json.dumps(slot)
    return f"{line}\n{hashlib.sha256(line.encode()).hexdigest()}\n".encode()


@pytest.mark.parametrize(
    ("slot", "starts"),
    [
        (slot_pointer("b"), ["b", "b", "b", "b"]),
        (pointer(run="a", trial="b", left=2), ["b", "b", "a", "a"]),
        (pointer(run="b", trial="a", left=1), ["a", "b", "b", "b"]),
        (b"", ["a", "a", "a", "a"]),
        (b'{"run": "b"}\nnonsense\n', ["a", "a", "a", "a"]),
        (b"\xff" * 50, ["a", "a", "a", "a"]),
    ],
)
def test_a_trial_is_counted_before_it_starts_and_ends_by_itself(slot, starts, files, boot):
    both = {path.replace("/a/", "/b/"): content for path, content in files.items()}
    image = filesystem_image(both | files | {"/slot": slot})
    assert boot(image, *["print(start())"] * 4) == [f"/board/{name}" for name in starts]


def test_where_only_one_application_is_whole_it_starts(files, boot):
    only_b = {path.replace("/a/", "/b/"): content for path, content in files.items()}
    only_b |= {"/slot": b"", "/a/": b"", "/b/": b""}
    assert boot(filesystem_image(only_b), "print(start())") == ["/board/b"]


# ---- all of it ----


def test_parts_lie_where_they_belong_and_the_rest_is_erased():
    image = image_bytes([Part("one", 16, b"abc"), Part("two", 32, b"de")])
    assert image == b"\xff" * 16 + b"abc" + b"\xff" * 13 + b"de"


def test_the_header_of_an_app_is_as_the_chip_wants_it(micropython):
    magic, segments, *_ = struct.unpack_from("<BB", micropython, APP_AT)
    assert (magic, segments) == (0xE9, 1)
