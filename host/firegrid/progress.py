"""How far something is, on stderr: a bar on a terminal, else a line for each tenth."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

__all__ = ["bytes_told"]


@contextmanager
def bytes_told(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield `tell(done, size)`, both in bytes."""
    if not sys.stderr.isatty():
        yield _Tenths(what).tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, size: progress.update(task, completed=done, total=size)


class _Tenths:
    """Progress as plain lines."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._told = 0

    def tell(self, done: int, size: int) -> None:
        """Tell of each tenth."""
        if 10 * done // size > self._told:
            self._told = 10 * done // size
            click.echo(f"{self._what}: {10 * self._told} %", err=True)
