"""What survives: numbers and blobs in NVS, raw partitions by the rules of NOR flash."""

import errno
import json

import hal
from esp32 import NVS, Partition
from hal_world import raised

BLOCK = 4096


def test_numbers_and_blobs_come_back():
    nvs = NVS("firegrid")
    nvs.set_i32("boot", -7)
    nvs.set_blob("key", b"\x00\xff\x10")
    nvs.commit()
    buffer = bytearray(8)
    again = NVS("firegrid")
    assert again.get_i32("boot") == -7
    assert again.get_blob("key", buffer) == 3
    assert buffer[:3] == b"\x00\xff\x10"


def test_what_was_not_committed_is_lost():
    NVS("loose").set_i32("a", 1)
    assert raised(OSError, NVS("loose").get_i32, "a").errno == -4354


def test_namespaces_are_apart_and_committed_apart():
    one, two = NVS("one"), NVS("two")
    one.set_i32("a", 1)
    two.set_i32("a", 2)
    one.commit()
    two.commit()
    assert (NVS("one").get_i32("a"), NVS("two").get_i32("a")) == (1, 2)


def test_what_is_missing_or_of_another_kind_is_not_found():
    nvs = NVS("missing")
    nvs.set_i32("number", 1)
    calls = [
        lambda: nvs.get_i32("nothing"),
        lambda: nvs.get_blob("number", bytearray(4)),
        lambda: nvs.erase_key("nothing"),
    ]
    for call in calls:
        assert raised(OSError, call).args == (-4354, "ESP_ERR_NVS_NOT_FOUND")
    nvs.erase_key("number")
    assert raised(OSError, nvs.get_i32, "number").errno == -4354


def test_the_limits_of_nvs_are_kept():
    nvs = NVS("limits")
    nvs.set_blob("b", b"12345")
    error = raised(OSError, nvs.get_blob, "b", bytearray(4))
    assert error.args[1] == "ESP_ERR_NVS_INVALID_LENGTH"
    error = raised(OSError, nvs.set_i32, "sixteen_letters_", 1)
    assert error.args[1] == "ESP_ERR_NVS_KEY_TOO_LONG"
    raised(OverflowError, nvs.set_i32, "big", 1 << 31)


def test_nvs_is_plain_json_for_the_simulator():
    nvs = NVS("plain")
    nvs.set_i32("boot", 3)
    nvs.set_blob("key", b"\x01\x02")
    nvs.commit()
    with open(hal.path("nvs.json")) as file:
        assert json.load(file)["plain"] == {"boot": 3, "key": "0102"}


def invalid(call, *arguments):
    """Return whether the call is refused for the size of what it is given."""
    return raised(OSError, call, *arguments).args[1] == "ESP_ERR_INVALID_SIZE"


def read(part, block, size, offset=0):
    buffer = bytearray(size)
    part.readblocks(block, buffer, offset)
    return bytes(buffer)


def test_a_new_partition_is_blank_and_as_large_as_in_the_table():
    for label, kib in (("prov", 16), ("events", 288), ("samples", 576)):
        part = Partition(label)
        assert part.ioctl(4, 0) * part.ioctl(5, 0) == kib * 1024, label
        assert part.info()[3:] == (kib * 1024, label, False)
        last = part.ioctl(4, 0) - 1
        assert read(part, last, BLOCK) == b"\xff" * BLOCK


def test_programming_only_clears_bits():
    part = Partition("prov")
    part.ioctl(6, 0)
    part.writeblocks(0, b"\xf0\x0f", 10)
    part.writeblocks(0, b"\x3c\xff", 10)
    assert read(part, 0, 4, 9) == b"\xff\x30\x0f\xff"


def test_programming_reaches_over_blocks_and_leaves_the_rest():
    part = Partition("events")
    data = bytes([i & 0xFF for i in range(300)])
    part.writeblocks(3, data, BLOCK - 150)
    assert read(part, 3, 300, BLOCK - 150) == data
    assert read(part, 3, 10, BLOCK - 160) == b"\xff" * 10
    assert read(part, 4, 10, 150) == b"\xff" * 10


def test_erasing_sets_one_block_to_ones():
    part = Partition("prov")
    for block in range(3):
        part.writeblocks(block, b"\x00" * BLOCK, 0)
    assert part.ioctl(6, 1) == 0
    assert read(part, 0, BLOCK) == b"\x00" * BLOCK
    assert read(part, 1, BLOCK) == b"\xff" * BLOCK
    assert read(part, 2, BLOCK) == b"\x00" * BLOCK


def test_writing_without_an_offset_erases_first():
    part = Partition("prov")
    part.writeblocks(3, b"\x00" * BLOCK, 0)
    part.writeblocks(3, b"\xaa" * BLOCK)
    assert read(part, 3, BLOCK) == b"\xaa" * BLOCK
    assert invalid(part.writeblocks, 3, b"short")


def test_nothing_reaches_beyond_the_end():
    part = Partition("prov")
    for call in (part.readblocks, part.writeblocks):
        assert (
            raised(OSError, call, 3, bytearray(32), BLOCK - 31).args[1] == "ESP_ERR_INVALID_SIZE"
        )
    raised(OSError, part.ioctl, 6, 4)


def test_partitions_are_found_by_label():
    assert Partition.find(Partition.TYPE_DATA, label="events")[0].info()[2] == 0x328000
    assert Partition.find(Partition.TYPE_DATA, label="other") == []
    assert raised(OSError, Partition, "other").errno == errno.ENOENT
    assert "ioctl(9)" in str(raised(NotImplementedError, Partition("prov").ioctl, 9, 0))


def test_a_file_system_can_live_on_it():
    import vfs

    part = Partition("events")
    vfs.VfsLfs2.mkfs(part)
    vfs.mount(vfs.VfsLfs2(part), "/lfs")
    with open("/lfs/a", "w") as file:
        file.write("kept")
    vfs.umount("/lfs")
    vfs.mount(vfs.VfsLfs2(Partition("events")), "/lfs")
    with open("/lfs/a") as file:
        assert file.read() == "kept"
    vfs.umount("/lfs")


def test_a_board_may_have_another_partition_table():
    import uos

    path = hal.path("partition-samples.bin")
    with open(path, "wb") as file:
        file.write(b"\xff" * (5 * BLOCK))
    part = Partition("samples")
    assert (part.ioctl(4, 0), part.info()[3]) == (5, 5 * BLOCK)
    uos.remove(path)
