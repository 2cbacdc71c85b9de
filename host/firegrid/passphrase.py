"""Passphrases: typed, or from a file or an open descriptor.

Never from an argument or the environment, where every process can read them.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from firegrid.errors import FiregridError

__all__ = ["passphrase_options", "read_passphrase"]

BYTES_MAX = 4096
ASKED = "Passphrase of the community's keys"
F = TypeVar("F", bound=Callable[..., Any])


def passphrase_options(command: F) -> F:
    """Give a command `passphrase_file` and `passphrase_fd`."""
    command = click.option(
        "--passphrase-fd", type=click.IntRange(min=0), metavar="N", help="Or from this descriptor."
    )(command)
    return click.option(
        "--passphrase-file",
        metavar="FILE",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Read the passphrase of the community's keys there.",
    )(command)


def read_passphrase(
    file: Path | None,
    descriptor: int | None,
    new: bool = False,
    asked: str = ASKED,
    option: str = "--passphrase-file",
) -> str:
    """Return the passphrase: the first line of what is named, else what somebody types when
    `asked`, twice where it is a new one, else the next line of the input; raise where there is
    none, naming the file's `option`."""
    if file is not None and descriptor is not None:
        raise FiregridError("--passphrase-file and --passphrase-fd: name one of them")
    if file is not None:
        return _line(file.read_bytes(), str(file))
    if descriptor is not None:
        try:
            with os.fdopen(descriptor, "rb") as stream:
                return _line(stream.read(BYTES_MAX), f"descriptor {descriptor}")
        except OSError as error:
            raise FiregridError(f"descriptor {descriptor}: {error.strerror}") from None
    return _typed(asked, new, option)


def _typed(asked: str, new: bool, option: str) -> str:
    if _has_terminal():
        typed: str = click.prompt(asked, hide_input=True, err=True, confirmation_prompt=new)
        return typed
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise FiregridError(f"{asked}: nobody is here to type it", f"{option} FILE")
    return line


def _has_terminal() -> bool:
    if sys.stdin.isatty():
        return True
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def _line(data: bytes, where: str) -> str:
    try:
        text = data.split(b"\n", 1)[0].rstrip(b"\r").decode()
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise FiregridError(f"{where}: holds no passphrase", "write it into the first line")
    return text
