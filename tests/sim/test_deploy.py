"""`firegrid deploy`: what changed in the firmware, onto a simulated board that runs it."""

import json
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import jsonschema
import pytest
from compile import compile_all
from firegrid.deploy import Plan, _Tree, check
from firegrid.errors import FiregridError
from firegrid.resources import firmware_dir, schemas_dir
from firegrid_sim.board import HARD
from firegrid_sim.flashed import FlashedBoard
from installer import flashed, run, until
from mpremote.transport_serial import SerialTransport
from vm import ROOT

SCHEMA = json.loads((schemas_dir() / "deploy.schema.json").read_text())
FILES = len(list(firmware_dir().rglob("*.mpy")))


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """Return the folder of a compiled firmware that calls itself 9.9.9: app.mpy is another."""
    folder = tmp_path_factory.mktemp("newer")
    shutil.copytree(ROOT / "firmware", folder / "firmware")
    shutil.copytree(ROOT / "build", folder / "build")
    app = folder / "firmware" / "app.py"
    app.write_text(app.read_text().replace('VERSION = "', 'VERSION = "9.9.9" or "'))
    assert compile_all(folder / "firmware", folder / "build" / "firmware") == 1
    return folder / "build" / "firmware"


class LooseBoard(FlashedBoard):
    """Its cable comes off when a word is typed."""

    word = b""
    typed = b""
    printed = b""

    def _say(self, data):
        self.printed += data
        super()._say(data)

    def _type(self, data):
        self.typed += data
        if self.word and self.word in self.typed:
            self.word = b""
            self.unplug()
        else:
            super()._type(data)


@pytest.fixture
def board(server, tmp_path, image):
    with flashed(server, tmp_path, kind=LooseBoard, image=image) as one:
        until(lambda: starts(one) == 1)
        yield one


def starts(board):
    return board.printed.count(b"firegrid {")


def deploy(board, *options):
    """Deploy; return the report."""
    done = run("deploy", "--port", board.path, "--json", *options)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    jsonschema.validate(said, SCHEMA)
    assert next(iter(said)) == "schema"
    return said


def refused(board, *options):
    """Try to deploy; return what is said instead."""
    done = run("deploy", "--port", board.path, *options)
    assert done.exit_code == 1 and "Traceback" not in done.output, done.output
    return done.stderr


@contextmanager
def prompt(board):
    """A developer's own hand on the board."""
    line = SerialTransport(str(board.path), timeout=1)
    line.enter_raw_repl(soft_reset=False)
    line.exec("import machine, os\nwatchdog = machine.WDT(timeout=60000)")
    yield line
    line.close()


def counts(said):
    return said["copied"], said["unchanged"], said["deleted"]


def test_what_runs_already_is_left_as_it_is(board):
    flash = bytes(board.flash.data[0x204000:0x328000])
    said = deploy(board)
    assert counts(said) == (0, FILES, 0) and not said["changed"]
    assert (said["slot"], said["started"]["gateway"]) == ("a", "gw-bakery")
    assert bytes(board.flash.data[0x204000:0x328000]) == flash
    assert "nothing has changed: slot a" in run("deploy", "--port", board.path).stdout


def test_one_file_that_changed_is_one_file_on_the_line_and_the_other_slot_runs(board, newer):
    size = (newer / "app.mpy").stat().st_size
    would = deploy(board, "--firmware", newer, "--dry-run")
    assert (would["slot"], would["started"]["firmware"]) == ("a", "0.1.0")
    said = deploy(board, "--firmware", newer)
    for one in (would, said):
        assert counts(one) == (1, FILES - 1, 0) and one["bytes_sent"] == size
    assert (said["slot"], said["started"]["firmware"]) == ("b", "9.9.9")
    assert said["started"]["self_test"] == "ok"
    assert not deploy(board, "--firmware", newer)["changed"]
    back = deploy(board)
    assert (back["slot"], back["started"]["firmware"]) == ("a", "0.1.0")
    assert counts(back) == (0, FILES, 0), "it lies in the other slot still"
    assert set(board.resets) == {HARD}


@pytest.mark.full
def test_files_and_folders_come_and_go(board, tmp_path):
    other = shutil.copytree(firmware_dir(), tmp_path / "other")
    (other / "new").mkdir()
    (other / "new" / "one.mpy").write_bytes(b"M" * 1500)
    done = run("deploy", "--port", board.path, "--firmware", other, "--dry-run")
    assert "would send   new/one.mpy, 1500 bytes" in done.stdout
    assert counts(deploy(board, "--firmware", other)) == (1, FILES, 0)
    assert counts(deploy(board)) == (0, FILES, 1)
    shutil.rmtree(other / "new")
    (other / "new").write_bytes(b"")
    (other / "drivers" / "two.mpy").write_bytes(b"")
    said = deploy(board, "--firmware", other)
    assert counts(said) == (1, FILES, 0) and said["slot"] == "b"
    with prompt(board) as line:
        assert "new" not in line.exec("print(os.listdir('/b'))").decode()
        assert line.exec("print(os.stat('/b/drivers/two.mpy')[6])").strip() == b"0"


RARER = (b"import machine", b"look('/b')", b"os.mkdir", b"file.close()")


@pytest.mark.full
@pytest.mark.parametrize(
    "word",
    [
        *(pytest.param(word, marks=pytest.mark.full) for word in RARER),
        b"copy(*pair)",
        b"put(b'",
        b"/slot.new",
    ],
)
def test_a_cable_that_is_pulled_leaves_what_ran(word, board, newer):
    board.word = word
    told = refused(board, "--firmware", newer)
    assert "board-01: the line broke" in told or "no answer" in told, told
    board.power_cut(0.1)
    until(lambda: starts(board) >= 2)
    board.plug()
    said = deploy(board, "--dry-run")
    assert (said["slot"], said["started"]["firmware"], said["changed"]) == ("a", "0.1.0", False)
    assert deploy(board, "--firmware", newer)["started"]["firmware"] == "9.9.9"


@pytest.mark.full
def test_a_cable_that_is_pulled_after_the_switch_leaves_the_new_one_whole(board, newer):
    board.word = b"machine.reset()"
    refused(board, "--firmware", newer)
    board.power_cut(0.1)
    until(lambda: starts(board) >= 2)
    board.plug()
    said = deploy(board, "--firmware", newer)
    assert (said["slot"], said["changed"]) == ("b", False)


def test_what_reads_back_as_something_else_does_not_start():
    class Rotten:
        port = "COM3"

        def run(self, program):
            return f"- /b\n{'0' * 64} /b/main.mpy\n"

    empty = _Tree({}, [])
    plan = Plan("a", "b", {"main.mpy": b"M"}, True, True, [], empty, [], [], ["main.mpy"])
    with pytest.raises(
        FiregridError, match=r"main\.mpy reads back as something else; slot a stays"
    ):
        check(Rotten(), plan)


@pytest.mark.full
def test_ctrl_c_lets_what_ran_start_at_once(board, tmp_path):
    other = shutil.copytree(firmware_dir(), tmp_path / "other")
    for path in other.rglob("*.mpy"):
        path.write_bytes(path.read_bytes() + b"\0")
    command = [sys.executable, "-m", "firegrid", "deploy", "--port", board.path]
    tool = subprocess.Popen(
        [*map(str, command), "--firmware", str(other)], stderr=subprocess.PIPE, text=True
    )
    with tool:
        for line in tool.stderr:
            if "10 %" in line:
                tool.send_signal(signal.SIGINT)
    assert tool.returncode == 130
    until(lambda: starts(board) >= 2)
    assert dict(board.resets) == {HARD: 1}, "not its watchdog"
    assert deploy(board)["slot"] == "a"


@pytest.mark.full
def test_an_application_that_ends_at_its_start_is_told_and_mended(board, tmp_path):
    other = shutil.copytree(firmware_dir(), tmp_path / "other")
    (other / "app.mpy").unlink()
    told = refused(board, "--firmware", other)
    assert "slot b was started, and its application ended" in told
    assert "no module named 'app'" in told
    assert deploy(board)["slot"] == "a"


def test_a_trial_ends_before_anything_is_written(board, newer):
    trial = '{"run":"a","trial":"b","left":2}'
    with prompt(board) as line:
        line.exec(
            "from hashlib import sha256\nfrom binascii import hexlify\n"
            f"line = {trial!r}\nfile = open('/slot', 'w')\n"
            "file.write(line + '\\n' + hexlify(sha256(line).digest()).decode() + '\\n')\n"
            "file.close()"
        )
    board.word = b"put(b'"
    refused(board, "--firmware", newer)
    board.power_cut(0.1)
    until(lambda: starts(board) >= 2)
    board.plug()
    assert deploy(board)["slot"] == "a"


@pytest.mark.full
def test_a_full_board_is_told_and_goes_on(board, newer):
    with prompt(board) as line:
        line.exec(
            "n = 0\ntry:\n    while True:\n        watchdog.feed()\n        n += 1\n"
            "        with open('/big' + str(n), 'wb') as file:\n"
            "            file.write(bytes(4096))\n"
            "except OSError:\n    pass"
        )
    assert "the board's file system is full" in refused(board, "--firmware", newer)
    assert deploy(board)["slot"] == "a"


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("os.remove('/slot')", "this board has no /slot; it was not laid out by firegrid"),
        ("open('/slot', 'w').close()", ""),
    ],
)
def test_a_board_that_is_not_laid_out(program, why, board):
    with prompt(board) as line:
        line.exec(program)
    if why:
        assert why in refused(board)
    else:
        assert deploy(board)["slot"] == "a", "its start tells which one runs"


def test_a_port_that_is_none_and_a_firmware_that_is_none(tmp_path):
    done = run("deploy", "--port", "/dev/no-such-port")
    assert done.exit_code == 1 and "cannot be opened" in done.stderr
    done = run("deploy", "--port", "/dev/no-such-port", "--firmware", tmp_path)
    assert done.exit_code == 1 and "holds no compiled firmware" in done.stderr
    assert run("deploy").exit_code == 2
