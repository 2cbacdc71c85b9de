"""`firegrid flash`, the real esptool, simulated boards: whatever goes wrong at the bench."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import jsonschema
import pytest
from community import community
from firegrid import lines
from firegrid.image.build import read_image
from firegrid.image.layout import partition
from firegrid.resources import schemas_dir
from firegrid.state import State
from firegrid_sim.flashed import Hardware
from firegrid_sim.rom import Trouble
from installer import flashed, run, until

NAMES = ("gw-noodles", "gw-dumplings", "gw-hotpot")  # the first three of the plan
WAIT_S = 240
SCHEMA = json.loads((schemas_dir() / "flash.schema.json").read_text())
VFS_AT = partition("vfs").offset


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("community")
    community(folder, *NAMES)
    return folder


@pytest.fixture
def site(made, tmp_path):
    """A copy of it with three gateways in the plan."""
    folder = tmp_path / "shops"
    shutil.copytree(made, folder)
    path = folder / "shops.toml"
    text = path.read_text()
    keep, gateways = text.split("[[gateway]]")[0], text.split("[[gateway]]")[1:]
    path.write_text(keep + "".join("[[gateway]]" + part for part in _few(gateways)))
    return path


def _few(parts):
    """Return the first gateways; the points stand behind the last gateway."""
    points = parts[-1].partition("[[point]]")
    kept = [part for part in parts[:-1] if any(f'"{name}"' in part for name in NAMES)]
    blocks = ("[[point]]" + points[2]).split("[[point]]")[1:]
    own = [block for block in blocks if any(f'gateway = "{name}"' in block for name in NAMES)]
    return [*kept[:-1], kept[-1] + "".join("[[point]]" + block for block in own)]


@contextmanager
def bench(server, directory, *troubles):
    """Boards at ports; a Trouble, or a Hardware, for each."""
    with ExitStack() as stack:
        boards = []
        for n, trouble in enumerate(troubles, 1):
            hardware = trouble if isinstance(trouble, Hardware) else Hardware(trouble=trouble)
            board = flashed(server, directory, f"board-{n:02}", hardware)
            boards.append(stack.enter_context(board))
        yield boards


def begin(site, *arguments):
    command = [sys.executable, "-m", "firegrid", "flash", site, *arguments, "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(list(map(str, command)), text=True, **pipes)


def end(process):
    """Return the report (None where there is none), the exit code, and what was said."""
    out, said = process.communicate(timeout=WAIT_S)
    report = json.loads(out) if out.strip() else None
    if report:
        jsonschema.validate(report, SCHEMA)
    assert "Traceback" not in said, said
    return report, process.returncode, said


def flash(site, *arguments):
    return end(begin(site, *arguments))


def flash_all(site, directory, *more):
    return flash(site, "--all", "--ports", directory / "board-*", "--wait", "0", *more)


def rows(site):
    return lines.read(State.of(site).boards)


def result_of(report, board):
    return next(one for one in report["boards"] if one["port"].endswith(board.name))


def expected(site):
    """Return what the flash of each gateway's board must hold, before keys are deleted."""
    return {
        name: bytes(read_image(State.of(site).images / name).data)
        for name in NAMES
        if (State.of(site).images / name).is_dir()
    }


def assert_holds(board, image, touched=("nvs", "vfs", "events", "samples")):
    """Every byte of the image is in flash, but for what the started application writes itself."""
    data = bytearray(board.flash.data)
    wanted = bytearray(image.ljust(len(data), b"\xff"))
    for name in touched:
        row = partition(name)
        data[row.offset : row.end] = wanted[row.offset : row.end] = bytes(row.size)
    assert data == wanted


def test_three_boards_each_become_the_next_gateway_and_their_keys_are_gone_here(
    server, site, tmp_path
):
    images = expected(site)
    with bench(server, tmp_path / "bench", Trouble(), Trouble(), Trouble(), Trouble()) as boards:
        report, code, said = flash_all(site, tmp_path / "bench")
        assert (code, report["missing"]) == (0, []), said
        done = [one for one in report["boards"] if one["result"] == "done"]
        assert {one["gateway"] for one in done} == set(NAMES)
        over = [one for one in report["boards"] if one["result"] != "done"]
        assert [one["result"] for one in over] == ["left as it is"], "a board too many"
        assert "all gateways of the plan" in said
        for one in boards:
            gateway = result_of(report, one)["gateway"]
            assert one.became == gateway
            if gateway:
                assert_holds(one, images[gateway])
        state = State.of(site)
        for name in NAMES:
            assert not (state.identities / name / "key.der").exists()
            assert not read_image(state.images / name).holds_identity
            assert (state.reports / "labels" / f"{name}.png").exists()
        key = images[NAMES[0]][partition("prov").offset :][:200]
        assert key not in (state.images / NAMES[0] / "image.bin").read_bytes()
        states = [row["state"] for row in rows(site) if row["gateway"] == NAMES[0]]
        assert states == ["matched", "erased", "written", "verified", "booted", "labelled"]

        report, code, said = flash_all(site, tmp_path / "bench")  # once more: nothing to do
        assert code == 0 and {one["result"] for one in report["boards"]} == {
            "up to date",
            "left as it is",
        }
        assert len({row["mac"] for row in rows(site)}) == len(NAMES)


def test_a_known_board_keeps_identity_counters_and_journal(server, site, tmp_path):
    with bench(server, tmp_path / "bench", Trouble()) as [board]:
        _, code, said = flash(site, NAMES[0], "--port", board.path)
        assert code == 0, said
        prov, nvs = (bytes(_part(board, name)) for name in ("prov", "nvs"))
        vfs = _part(board, "vfs")
        assert nvs.strip(b"\xff") and prov.strip(b"\xff") and vfs
        events = _part(board, "events")[:64]
        _, code, said = flash(site, NAMES[0], "--port", board.path, "--again")
        assert code == 0 and "known, its identity and journal stay" in said
        assert bytes(_part(board, "prov")) == prov
        assert _part(board, "events")[:64] == events, "the oldest records are there"
        assert boots(board) >= 2, "its counters go on"

        _, code, said = flash(site, NAMES[0], "--port", board.path, "--wipe", "--yes")
        assert code == 0 and bytes(_part(board, "prov")) == prov, said
        assert _part(board, "events")[:64] != events


def _part(board, name):
    row = partition(name)
    return board.flash.data[row.offset : row.end]


def boots(board):
    """Return the boot counter as the simulated nvs keeps it: JSON in one of two sectors."""
    nvs = bytes(_part(board, "nvs"))
    texts = [nvs[at + 8 : at + 4096].rstrip(b"\xff") for at in (0, 4096)]
    return max(json.loads(text)["values"]["firegrid"]["boot"] for text in texts if text)


@pytest.mark.parametrize("cut_bytes", [3_000, 60_000])
def test_a_cable_that_is_pulled_costs_nothing_but_a_second_plug(server, site, tmp_path, cut_bytes):
    images = expected(site)
    trouble = Trouble(cut_after_bytes=cut_bytes)
    with bench(server, tmp_path / "bench", trouble) as [board]:
        report, code, said = flash(site, NAMES[0], "--port", board.path)
        assert code == 3 and report["boards"][0]["result"] == "failed"
        assert "cable or power was interrupted" in said and "no id is lost" in said
        board.plug()
        report, code, said = flash_all(site, tmp_path / "bench")
        assert report["boards"][0]["result"] == "done", said
        assert report["boards"][0]["gateway"] == NAMES[0], "the same one again"
        assert_holds(board, images[NAMES[0]])


@pytest.mark.full
@pytest.mark.parametrize("part", ["bootloader", "factory", "prov", "vfs"])
@pytest.mark.parametrize("share", [0.2, 0.8])
def test_a_cable_pulled_anywhere_in_any_part_is_mended(server, site, tmp_path, part, share):
    images = expected(site)
    image = read_image(State.of(site).images / NAMES[0])
    sizes = [(one["label"], one["bytes"]) for one in image.manifest["parts"]]
    before = sum(size for label, size in sizes[: [label for label, _ in sizes].index(part)])
    cut = 6_000 + int((before + share * dict(sizes)[part]) * 0.6)
    with bench(server, tmp_path / "bench", Trouble(cut_after_bytes=cut)) as [board]:
        flash(site, NAMES[0], "--port", board.path)
        board.plug()
        _, code, said = flash(site, NAMES[0], "--port", board.path)
        assert code == 0, said
        assert_holds(board, images[NAMES[0]])


def test_what_is_wrong_with_a_board_is_said_in_plain_words(server, site, tmp_path):
    flipped = Trouble(flip_at=VFS_AT + 5000)
    wrong = [
        Hardware(chip="esp32s3"),
        Hardware(flash_bytes=2 * 1024 * 1024),
        Trouble(silent=True),
        flipped,
    ]
    with bench(server, tmp_path / "bench", *wrong) as [chip, small, silent, bad]:
        report, code, _ = flash_all(site, tmp_path / "bench")
        assert code == 3
        assert "this is an ESP32-S3; the images are for ESP32" in result_of(report, chip)["detail"]
        assert "2 MB of flash; 4 MB are needed" in result_of(report, small)["detail"]
        assert result_of(report, silent)["detail"] == "the board does not answer"
        assert "some only charge" in result_of(report, silent)["advice"]
        assert "did not keep" in result_of(report, bad)["detail"]
        assert result_of(report, bad)["gateway"] == NAMES[0]
        taken = {row["gateway"] for row in rows(site)}
        assert taken == {NAMES[0]}, "no id is given to a board that cannot take it"
        assert report["missing"] == list(NAMES)

        # The bad board is set aside: its gateway is let go, and gets another identity.
        done = run("flash", site, "--release", NAMES[0], "--json")
        assert done.exit_code == 0, done.output
        jsonschema.validate(json.loads(done.stdout), SCHEMA)
        assert not (State.of(site).identities / NAMES[0]).exists()
        assert run("flash", site, NAMES[0], "--port", "x").exit_code == 1, "provision first"


@pytest.mark.full
def test_a_line_that_is_too_fast_is_tried_slower(server, site, tmp_path):
    with bench(server, tmp_path / "bench", Trouble(baud_max=460_800)) as [board]:
        _, code, said = flash(site, NAMES[0], "--port", board.path)
        assert code == 0, said
        assert "once more at 460800 baud" in said


@pytest.mark.full
def test_a_board_that_stalls_is_tried_again(server, site, tmp_path):
    with bench(server, tmp_path / "bench", Trouble(stall_after_bytes=40_000)) as [board]:
        _, code, said = flash(site, NAMES[0], "--port", board.path)
        assert code == 0 and "interrupted" in said and "once more at 460800 baud" in said, said


def test_a_port_that_is_taken_or_not_there(server, site, tmp_path):
    import fcntl

    with bench(server, tmp_path / "bench", Trouble()) as [board]:
        fd = os.open(board.path, os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        _, code, said = flash(site, NAMES[0], "--port", board.path)
        os.close(fd)
        assert code == 3 and "in use by another program" in said
    _, code, said = flash(site, NAMES[0], "--port", "/dev/pts/4095")
    assert code == 1 and "this port is not there" in said and rows(site) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_the_tool_the_board_goes_on_as_the_same_gateway(
    server, site, tmp_path, number
):
    images = expected(site)
    hardware = Hardware(paced=True)
    with bench(server, tmp_path / "bench", hardware) as [board]:
        process = begin(site, "--all", "--ports", tmp_path / "bench" / "board-*", "--wait", "0")
        until(lambda: any(row["state"] == "erased" for row in rows(site)))
        process.send_signal(number)
        _, code, _ = end(process)
        assert code == (130 if number == signal.SIGINT else -signal.SIGKILL)
        until(lambda: not _children(process.pid))
        _, code, said = flash(site, NAMES[0], "--port", board.path)
        assert code == 0, said
        assert_holds(board, images[NAMES[0]])
        assert {row["gateway"] for row in rows(site)} == {NAMES[0]}


def _children(pid):
    return subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout


def test_a_gateway_that_has_a_board_is_given_to_no_other(server, site, tmp_path):
    with bench(server, tmp_path / "bench", Trouble(), Trouble()) as [one, two]:
        _, code, said = flash(site, NAMES[0], "--port", one.path)
        assert code == 0, said
        _, code, said = flash(site, NAMES[0], "--port", two.path)
        assert code == 3 and "is the board" in said and "firegrid replace" in said
        assert "its board was not here" in said
        _, code, said = flash(site, NAMES[1], "--port", one.path)
        assert code == 3 and f"this board is {NAMES[0]} already" in said
        assert "--release" not in said  # it would be refused, as the next call shows
        done = run("flash", site, "--release", NAMES[0])
        assert done.exit_code == 1 and "has its key" in done.output


@pytest.mark.full
def test_the_same_board_at_two_ports_is_one_board(server, site, tmp_path):
    with bench(server, tmp_path / "bench", Hardware(paced=True), Trouble()) as [one, two]:
        two._rom.mac = one._rom.mac  # two cables, one board
        _, _, said = flash_all(site, tmp_path / "bench")
        assert sum(row["state"] == "booted" for row in rows(site)) == 1
        assert "the same board is at" in said or "it has this image already" in said


def test_boards_wait_for_their_label_where_it_is_scanned(server, site, tmp_path):
    with bench(server, tmp_path / "bench", Trouble()):
        code = f"firegrid:1:nanyuan-shops:{NAMES[2]}:ABCD-EFGH\n"
        command = [sys.executable, "-m", "firegrid", "flash", site, "--all", "--scan", "--json"]
        command += ["--ports", tmp_path / "bench" / "board-*", "--wait", "0"]
        done = subprocess.run(
            list(map(str, command)), input=code, capture_output=True, text=True, timeout=WAIT_S
        )
        report = json.loads(done.stdout)
        assert report["boards"][0]["gateway"] == NAMES[2], done.stderr


def test_a_stand_in_goes_to_no_real_port_and_two_benches_to_no_one_folder(site, tmp_path):
    done = run("flash", site, NAMES[0], "--port", "/dev/null")
    assert done.exit_code == 1 and "stand-in" in done.output
    done = run("flash", site, NAMES[0], "--port", "/dev/no-such-port")
    assert done.exit_code == 1 and "is not there" in done.output
    from firegrid.flash.boards import alone

    with alone(State.of(site)):
        done = run("flash", site, "--all", "--ports", "/dev/pts/nothing")
    assert done.exit_code == 1 and "another `firegrid flash`" in done.output


def test_no_board_is_begun_where_that_cannot_be_noted(server, site, tmp_path):
    with bench(server, tmp_path / "bench", Trouble()) as [board]:
        State.of(site).boards.mkdir()  # as a full disk: the note fails
        _, code, said = flash(site, NAMES[0], "--port", board.path)
        assert code == 1 and "cannot be written" in said
        assert bytes(board.flash.data).count(0xFF) == len(board.flash.data)


def test_a_clock_that_is_behind_is_told(site, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_600_000_000.0)
    done = run("flash", site, "--all", "--ports", tmp_path / "none*", "--wait", "0")
    assert "clock is wrong" in done.output and done.exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name one GATEWAY"),
        ([NAMES[0]], "name the port"),
        ([NAMES[0], "--all", "--port", "x"], "name one GATEWAY"),
        (["--all", "--port", "x"], "--ports GLOB"),
    ],
)
def test_usage(site, arguments, words):
    done = run("flash", site, *arguments)
    assert done.exit_code == 2 and words in done.output


def said_by(schema, *arguments):
    done = run(*arguments, "--json")
    if done.exit_code not in (0, 3):
        return None, done
    report = json.loads(done.stdout)
    jsonschema.validate(report, json.loads((schemas_dir() / f"{schema}.schema.json").read_text()))
    return report, done


@pytest.mark.full
def test_a_board_is_inspected_and_verified(server, site, tmp_path):
    with bench(server, tmp_path / "bench", Trouble()) as [board]:
        report, _ = said_by("inspect", "inspect", "--port", board.path)
        assert (report["mac"], report["gateway"]) == (board.mac.hex(":"), None)
        assert not report["firegrid_layout"]
        assert flash(site, NAMES[0], "--port", board.path)[1] == 0

        report, done = said_by("inspect", "inspect", site, "--port", board.path)
        assert report["gateway"] == report["noted_gateway"] == NAMES[0]
        assert report["noted_started"] and report["firegrid_layout"]
        assert "BEGIN" not in done.output and "key" not in done.output
        report, done = said_by("verify", "verify", site, NAMES[0], "--port", board.path)
        assert (done.exit_code, report["same"]) == (0, True), report
        report, done = said_by("verify", "verify", site, NAMES[1], "--port", board.path)
        assert (done.exit_code, report["is_gateway"]) == (3, NAMES[0])
        assert {"prov", "/etc/config.jsonl"} <= set(report["different"])

        board.hold()
        factory, prov = partition("factory").offset, partition("prov").offset
        board.flash.data[factory + 5000] ^= 4
        board.flash.data[prov : prov + 16384] = bytes(16384)
        report, done = said_by("verify", "verify", site, NAMES[0], "--port", board.path)
        assert (done.exit_code, report["different"]) == (3, ["factory", "prov"])
        assert report["is_gateway"] is None
    done = run("inspect", "--port", board.path)
    assert done.exit_code == 1 and "is not there" in done.output
