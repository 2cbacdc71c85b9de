"""One board at one port, in a process of its own: found, written, verified, reset, heard.

The bench speaks with it over a pipe. It sends ("found", Board) and waits for a Job or None; then
("state", name), ("progress", done, total) with bytes of the flash, ("failed", Failure) at the end
of an attempt that did not do, or ("heard", line) with what the booted application says of itself.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import esptool
import serial
from esptool import cmds
from esptool.logger import TemplateLogger, log

from firegrid.flash.failures import FLASH, LINK, Failure, failure_of
from firegrid.started import printed, said_of_itself

__all__ = ["Board", "Job", "Look", "listen", "look", "serve"]

LOOK_BAUD = 460_800  # what every adapter can
CONSOLE_BAUD = 115_200
CONNECT_ATTEMPTS = 3
BOOT_S = 60.0
ASK_S = 2.0
BACK_S = 5.0
REOPEN_S = 0.3  # a port that is closed and opened at once was, for some, never closed


class Board(NamedTuple):
    """What is plugged in."""

    port: str
    chip: str
    mac: str
    flash_bytes: int


class Job(NamedTuple):
    """What is to be done with it."""

    parts: tuple[tuple[int, bytes], ...]
    bauds: tuple[int, ...]  # tried in this order
    erase_all: bool  # a new board
    erase: tuple[tuple[int, int], ...] = ()  # (offset, size): regions of a known one
    skip_same: bool = False  # leave what is in flash already
    boot_s: float = BOOT_S


class Look(NamedTuple):
    """What is wanted of a board's flash: contents and MD5s, each by (offset, size)."""

    contents: tuple[tuple[int, int], ...] = ()
    sums: tuple[tuple[int, int], ...] = ()


class _Quiet(TemplateLogger):  # type: ignore[misc]
    """esptool says nothing here but how far it is."""

    def __init__(self) -> None:
        self.step: Callable[[int, int], None] = lambda done, total: None

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""

    note = warning = error = stage = set_verbosity = print

    def progress_bar(self, cur_iter: int, total_iters: int, *_: Any, **__: Any) -> None:
        """Tell how far the part is, in bytes on the wire."""
        self.step(cur_iter, total_iters)


def serve(port: str, pipe: Connection) -> None:
    """Do all of it; the whole life of the process."""
    _be_quiet()
    # Where the bench is gone, what was half written is begun anew next time.
    with contextlib.suppress(EOFError, BrokenPipeError):
        _serve(port, pipe)


def look(port: str, pipe: Connection) -> None:
    """Send ("found", Board), take a Look, send ("seen", contents, sums), or ("failed", Failure);
    ("progress", done, total) meanwhile. The board then starts what it has."""
    _be_quiet()
    writer = _Writer(port, pipe)
    with contextlib.suppress(EOFError, BrokenPipeError):
        try:
            pipe.send(("found", writer.find()))
            pipe.send(("seen", *writer.look(pipe.recv())))
        except _ERRORS as error:
            pipe.send(("failed", failure_of(error, writer.percent)))


def _be_quiet() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # our caller decides what Ctrl-C means
    with open(os.devnull, "w") as nowhere:  # esptool's own words; stdout belongs to the report
        for fd in (1, 2):
            os.dup2(nowhere.fileno(), fd)


def _serve(port: str, pipe: Connection) -> None:
    writer = _Writer(port, pipe)
    try:
        board = writer.find()
    except _ERRORS as error:
        pipe.send(("failed", failure_of(error)))
        return
    pipe.send(("found", board))
    job: Job | None = pipe.recv()
    if job is None:
        writer.leave()
        return
    writer.percent = 0  # from now on what fails was interrupted
    try:
        writer.write(job)
        pipe.send(("heard", listen(port, job.boot_s)))
    except _ERRORS as error:
        pipe.send(("failed", failure_of(error, writer.percent)))


_ERRORS = (esptool.FatalError, serial.SerialException, OSError, Failure, ValueError, TypeError)


class _Writer:
    def __init__(self, port: str, pipe: Connection) -> None:
        self._port = port
        self._pipe = pipe
        self._esp: Any = None
        self._logger = _Quiet()
        self.percent: int | None = None
        log.set_logger(self._logger)

    def find(self) -> Board:
        """Connect; return what is there. The connection stays."""
        self._connect()
        esp = self._esp
        mac = ":".join(f"{byte:02x}" for byte in esp.read_mac())
        chip: str = esp.CHIP_NAME
        size = cmds.flash_size_bytes(cmds.detect_flash_size(esp) or "0KB") or 0
        return Board(self._port, chip, mac, size)

    def _connect(self) -> None:
        self._close()
        self._esp = cmds.detect_chip(self._port, connect_attempts=CONNECT_ATTEMPTS)
        self._esp.WRITE_FLASH_ATTEMPTS = 1  # its own second try leaves a broken object behind

    def _close(self) -> None:
        if self._esp is not None:
            port, self._esp = self._esp._port, None
            if port:
                port.close()

    def leave(self) -> None:
        """Let the board start what it has."""
        try:
            cmds.reset_chip(self._esp, "hard-reset")
        finally:
            self._close()

    def look(self, wanted: Look) -> tuple[list[bytes], list[str]]:
        """Return contents and MD5s; then let the board start."""
        esp = self._esp = cmds.run_stub(self._esp)
        self.percent = 0
        cmds.attach_flash(esp)
        esp.change_baud(LOOK_BAUD)
        contents, total, before = [], sum(size for _, size in wanted.contents), 0
        for offset, size in wanted.contents:
            self._step_by_step(before, size, total)
            contents.append(bytes(cmds.read_flash(esp, offset, size) or b""))
            before += size
        sums = [esp.flash_md5sum(offset, size) for offset, size in wanted.sums]
        self.leave()
        return contents, sums

    def write(self, job: Job) -> None:
        """Erase, write, verify, reset; slower where the line fails, once more where the flash
        does."""
        slower, rewritten = 0, False
        while True:
            try:
                self._write(job, job.bauds[slower])
                return
            except _ERRORS as error:
                failure = failure_of(error, self.percent)
            self._close()
            if failure.kind == FLASH and not rewritten:
                rewritten = True
            elif failure.kind == LINK and slower + 1 < len(job.bauds):
                slower += 1
            else:
                raise failure
            self._pipe.send(("again", failure, job.bauds[slower]))
            self._connect()

    def _write(self, job: Job, baud: int) -> None:
        esp = self._esp = cmds.run_stub(self._esp)
        esp.WRITE_FLASH_ATTEMPTS = 1
        if baud != CONSOLE_BAUD:
            esp.change_baud(baud)
        cmds.attach_flash(esp)
        if job.erase_all:
            self._tell("erasing")
            cmds.erase_flash(esp)
            self._tell("erased")
        for offset, size in job.erase:
            cmds.erase_region(esp, offset, size)
        self._write_parts(job)
        self._tell("written")
        cmds.verify_flash(esp, list(job.parts))
        self._tell("verified")
        cmds.reset_chip(esp, "hard-reset")
        self._close()

    def _write_parts(self, job: Job) -> None:
        """One call for each part: one that does not compress would stop compression for all that
        come after it."""
        total = sum(len(data) for _, data in job.parts)
        before = 0
        for offset, data in job.parts:
            self._step_by_step(before, len(data), total)
            cmds.write_flash(
                self._esp, [(offset, data)], flash_size="keep", compress=True,
                skip_flashed=job.skip_same,
            )  # fmt: skip
            before += len(data)
        self._progress(total, total)

    def _step_by_step(self, before: int, share: int, total: int) -> None:
        """From now on what esptool tells is of `share` bytes, behind `before` of `total`."""

        def step(done: int, of: int) -> None:
            self._progress(before + share * done // max(of, 1), total)

        self._logger.step = step

    def _progress(self, done: int, total: int) -> None:
        percent = done * 100 // max(total, 1)
        if percent != self.percent:
            self.percent = percent
            self._pipe.send(("progress", done, total))

    def _tell(self, state: str) -> None:
        self._pipe.send(("state", state))


def listen(port: str, wait_s: float) -> dict[str, Any]:
    """Return what the booted application says of itself; raise Failure where it says nothing."""
    last = ""
    with contextlib.closing(_opened(port)) as line:
        for text in printed(line, wait_s, ASK_S):
            said = said_of_itself(text)
            if said:
                return said
            last = text or last
    raise Failure(
        "boot",
        f"the application did not start within {wait_s:.0f} s"
        + (f"; last it said: {last[:120]}" if last else "; it says nothing"),
        "flash it once more; if it repeats, set this board aside",
    )


def _opened(port: str) -> Any:
    """Return the port, opened without a reset; some vanish while their board starts."""
    line = serial.serial_for_url(port, do_not_open=True)
    line.baudrate, line.timeout, line.dtr, line.rts = CONSOLE_BAUD, 0.1, False, False
    end_s = time.monotonic() + BACK_S
    while True:
        time.sleep(REOPEN_S)
        try:
            line.open()
            return line
        except serial.SerialException:
            if time.monotonic() > end_s:
                raise
