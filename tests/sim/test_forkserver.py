"""The fork server: VMs start fast and apart from each other, and none outlives the run."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from firegrid_sim.forkserver import ForkServer

WAIT_S = 30
FOR_EVER = "import time\nprint('up')\ntime.sleep(600)\n"


@pytest.fixture
def server():
    server = ForkServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def spawn(server, tmp_path):
    """Spawn a VM with a program; its output goes to tmp_path / name."""

    def spawn(program, name="console", on_exit=lambda status: None, **env):
        path = tmp_path / f"{name}.py"
        path.write_text(program)
        return server.spawn(["micropython", str(path), "one"], env, tmp_path / name, on_exit)

    return spawn


def lives(pid):
    """Return whether a process runs; one that ended but was not waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True)
    return not state.stdout.startswith("Z")


def eventually(is_so, timeout_s=WAIT_S):
    deadline = time.monotonic() + timeout_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_so()


@pytest.mark.skipif(sys.platform != "linux", reason="no other system has short names for folders")
def test_how_long_the_path_of_a_board_is_takes_nothing_of_the_heap(spawn, tmp_path):
    program = "import os\nprint(len(os.getenv('FG_BOARD')), os.listdir(os.getenv('FG_BOARD')))"
    said = []
    for number, name in enumerate(("near", "far" * 60)):
        board = tmp_path / name
        board.mkdir()
        (board / "found").touch()
        assert spawn(program, f"console-{number}", FG_BOARD=str(board)).wait(WAIT_S)
        said.append((tmp_path / f"console-{number}").read_text())
    assert said[0] == said[1]
    assert "found" in said[0]


def test_a_vm_gets_arguments_and_environment_and_writes_to_its_console(spawn, tmp_path):
    program = "import os, sys\nprint(sys.argv[1], os.getenv('GW'))\nraise OSError(7)\n"
    vm = spawn(program, GW="gw-shops")
    assert vm.wait(WAIT_S)
    said = (tmp_path / "console").read_text()
    assert said.startswith("one gw-shops\nTraceback")
    assert "OSError" in said
    assert vm.status == 1


def test_its_exit_code_is_reported_and_on_exit_called_once(spawn):
    statuses = []
    vm = spawn("import sys\nsys.exit(7)\n", on_exit=statuses.append)
    assert vm.wait(WAIT_S)
    assert eventually(lambda: statuses == [7])


def test_a_killed_vm_reports_its_signal(spawn, tmp_path):
    vm = spawn(FOR_EVER)
    assert vm.wait_started()
    assert eventually((tmp_path / "console").exists)
    vm.kill()
    assert vm.wait(WAIT_S)
    assert vm.status == -signal.SIGKILL
    assert not lives(vm.pid)
    vm.kill()  # once more does no harm


def test_an_endless_loop_hinders_neither_the_server_nor_other_vms(spawn):
    busy = spawn("while True: pass\n", "busy")
    other = spawn("import sys\nsys.exit(3)\n", "other")
    assert other.wait(WAIT_S)
    assert (other.status, busy.status) == (3, None)


def test_a_vm_has_only_the_three_standard_descriptors(spawn, tmp_path):
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc to look at")
    vm = spawn("import os\nprint(sorted(int(n) for n in os.listdir('/proc/self/fd')))\n")
    assert vm.wait(WAIT_S)
    assert (tmp_path / "console").read_text() == "[0, 1, 2, 3]\n"  # 3: the listing itself


def test_thirty_vms_run_at_once(spawn):
    vms = [spawn(FOR_EVER, f"vm{n}") for n in range(30)]
    assert all(vm.wait_started() for vm in vms)
    assert len({vm.pid for vm in vms}) == 30
    assert all(lives(vm.pid) for vm in vms)


def test_watches_are_called_all_the_time(server):
    called = threading.Semaphore(0)
    server.watch(called.release)
    assert all(called.acquire(timeout=WAIT_S) for _ in range(3))


def test_no_vm_is_left_after_stop(server, spawn):
    vms = [spawn(FOR_EVER, f"vm{n}") for n in range(3)]
    assert all(vm.wait_started() for vm in vms)
    server.stop()
    assert not any(lives(vm.pid) for vm in vms)
    assert [vm.status for vm in vms] == [-signal.SIGKILL] * 3


def test_when_the_server_itself_is_killed_its_vms_end_and_are_reported(server, spawn):
    vm = spawn(FOR_EVER)
    assert vm.wait_started()
    os.kill(server.pid, signal.SIGKILL)
    assert vm.wait(WAIT_S)
    assert eventually(lambda: not lives(vm.pid))


def test_when_our_own_program_is_killed_no_vm_is_left(tmp_path):
    (tmp_path / "main.py").write_text(FOR_EVER)
    program = (
        "import os, sys\nfrom pathlib import Path\n"
        "from firegrid_sim.forkserver import ForkServer\n"
        "server = ForkServer(); server.start()\n"
        "argv = ['micropython', sys.argv[1]]\n"
        "vm = server.spawn(argv, {}, Path(os.devnull), print); vm.wait_started()\n"
        "print(vm.pid, flush=True); os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "main.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert eventually(lambda: not lives(int(done.stdout)))
