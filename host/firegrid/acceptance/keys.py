"""Where the signing key comes from: the community's own, opened with a passphrase.

A passphrase is typed, or comes from a file or an open descriptor; never from an argument or the
environment, where every process can read it.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from firegrid.acceptance.seal import Signer
from firegrid.errors import FiregridError
from firegrid.state import State

__all__ = ["open_signer", "read_passphrase"]

BYTES_MAX = 4096


def read_passphrase(file: Path | None, descriptor: int | None) -> str:
    """Return the passphrase: the first line of what is named, else what somebody types."""
    if file is not None and descriptor is not None:
        raise FiregridError("--passphrase-file and --passphrase-fd: name one of them")
    if file is not None:
        return _line(file.read_bytes(), str(file))
    if descriptor is not None:
        with os.fdopen(descriptor, "rb") as stream:
            return _line(stream.read(BYTES_MAX), f"descriptor {descriptor}")
    typed: str = click.prompt("Passphrase of the community's keys", hide_input=True, err=True)
    return typed


def _line(data: bytes, where: str) -> str:
    try:
        text = data.split(b"\n", 1)[0].rstrip(b"\r").decode()
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise FiregridError(f"{where}: holds no passphrase", "write it into the first line")
    return text


def open_signer(state: State, passphrase: str) -> Signer:
    """Return the community's signing key, as `firegrid ca init` made it."""
    try:
        identity: Any = import_module("firegrid.identity")
    except ModuleNotFoundError:
        raise FiregridError("this firegrid has no `ca init`", "install a newer one") from None
    signer: Signer = identity.Authority.load(state, passphrase)
    return signer
