"""What an installer sees of the bench: a bar for each port, or plain lines; a table at the end."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from firegrid.flash.bench import DONE, UP_TO_DATE, Outcome

__all__ = ["Screen", "table"]

LINE_S = 5.0  # without a terminal: how often a port says how far it is
_STYLES = {DONE: "green", UP_TO_DATE: "green"}


class Screen:
    """In a `with`. `console` is where it goes; `writes_label(gateway)` writes one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: dict[str, TaskID] = {}
        self._said_s: dict[str, float] = {}
        self._stack = ExitStack()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "Screen":
        self._stack.enter_context(self._progress)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def say(self, port: str, text: str) -> None:
        """A board has come further."""
        self._progress.console.print(Text(f"{port}: {text}"), soft_wrap=True)

    def progress(self, port: str, gateway: str, done: int, total: int) -> None:
        """So many bytes of its flash are written."""
        if self._console.is_terminal:
            bar = self._bars.get(port)
            if bar is None:
                bar = self._bars[port] = self._progress.add_task(f"{port} {gateway}", total=total)
            self._progress.update(bar, completed=done, total=total)
            return
        now = time.monotonic()
        if now - self._said_s.setdefault(port, now) >= LINE_S and done < total:
            self._said_s[port] = now
            self.say(port, f"{gateway}: {done * 100 // total} % written")

    def done(self, outcome: Outcome) -> None:
        """A board is through."""
        bar = self._bars.pop(outcome.port, None)
        if bar is not None:
            self._progress.remove_task(bar)
        told = Text(f"{outcome.port}: ")
        told.append(outcome.result.upper(), style=_STYLES.get(outcome.result, "bold red"))
        if outcome.gateway:
            told.append(f" {outcome.gateway}")
        told.append(f": {outcome.detail}")
        if outcome.advice:
            told.append(f"; {outcome.advice}")
        self._progress.console.print(told, soft_wrap=True)


def table(
    outcomes: Sequence[Outcome], missing: Sequence[str], mac_of: Callable[[str], str | None]
) -> Table:
    """Return the table at the end: each board, and the gateways that had none here."""
    made = Table("gateway", "board", "port", "result", "seconds")
    for one in outcomes:
        seconds = f"{one.seconds:.1f}" if one.result == DONE else ""
        style = _STYLES.get(one.result, "red")
        made.add_row(
            Text(one.gateway or "-"), Text(one.mac or "-"), Text(one.port),
            Text(one.result, style=style), Text(seconds),
        )  # fmt: skip
    listed = {one.gateway for one in outcomes}
    for name in missing:
        if name not in listed:
            mac = mac_of(name)
            result = "its board was not here" if mac else "no board yet"
            made.add_row(Text(name), Text(mac or "-"), "-", Text(result, style="red"), "")
    return made
