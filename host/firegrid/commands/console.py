"""The command `firegrid console`: a gateway's serial console, and the Wi-Fi network it is told."""

import codecs
import io
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import click

from firegrid.errors import FiregridError
from firegrid.improv import give_wifi
from firegrid.passphrase import read_passphrase
from firegrid.serialport import SerialPort
from firegrid.wifi import KEY_CHARACTERS

__all__ = ["command"]

LISTEN_S = 2.0
PAUSE_S = 0.3  # between two lines: a gateway takes 64 bytes ten times a second
PIECE_BYTES = 4096


@click.command()
@click.option("--port", required=True, help="The gateway's serial port: /dev/ttyUSB0, COM3.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, 86400),
    default=LISTEN_S,
    show_default=True,
    help="How long to listen after the last line that is typed.",
)
@click.option("--wifi", metavar="SSID", help="Have it join this network instead.")
@click.option(
    "--key-file",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Read the network's key there; otherwise it is asked for.",
)
@click.option("--open", "is_open", is_flag=True, help="The network has no key.")
def command(
    port: str, seconds: float, wifi: str | None, key_file: Path | None, is_open: bool
) -> None:
    """Show what the gateway at a port prints, and send it what is typed; `help` lists its verbs.

    Ctrl-C ends it, and the gateway runs on. With --wifi the gateway tries the network: where it
    joins, it keeps it; where it does not within 30 s, it goes back to what it had, and the exit
    code is 1. Alarms are decided meanwhile.
    """
    if wifi is None:
        if key_file or is_open:
            raise click.UsageError("--key-file and --open belong to --wifi")
        with SerialPort(port) as board:
            _talk(board, port, seconds)
        return
    if key_file and is_open:
        raise click.UsageError("--key-file and --open: name one of them")
    key = "" if is_open else _key(wifi, key_file)
    with SerialPort(port) as board:
        click.echo(give_wifi(board, wifi, key, click.echo))


def _key(ssid: str, file: Path | None) -> str:
    key = read_passphrase(file, None, asked=f"Key of the network {ssid}", option="--key-file")
    if len(key) not in KEY_CHARACTERS or not key.isascii():
        raise FiregridError(
            f"this is no key of a Wi-Fi network: it has {len(key)} characters",
            "a key has 8 to 63 ASCII characters; an open network has none: --open",
        )
    return key


def _talk(board: SerialPort, port: str, seconds: float) -> None:
    """Carry lines to the board and what it prints to the screen, until nothing more is typed."""
    if sys.stdin.isatty():
        click.echo(f"the console of {port}: `help` lists its verbs, Ctrl-C ends it", err=True)
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_hear, args=(lines,), daemon=True).start()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    free_s = time.monotonic()  # when the next line may go
    end_s = None
    try:
        while end_s is None or time.monotonic() < end_s:
            _show(decoder.decode(board.read()))
            if time.monotonic() < free_s or end_s is not None or lines.empty():
                continue
            line = lines.get()
            if line is None:
                end_s = time.monotonic() + seconds
            else:
                board.write(line + b"\n")
                free_s = time.monotonic() + PAUSE_S
    except KeyboardInterrupt:
        click.echo()


def _hear(lines: "queue.SimpleQueue[bytes | None]") -> None:
    """In a thread of its own: what is typed, line by line."""
    rest = b""
    for piece in _typed():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            lines.put(line.rstrip(b"\r"))
    if rest:
        lines.put(rest)
    lines.put(None)


def _typed() -> Iterator[bytes]:
    """Yield what comes; not through Python's buffer, whose lock this thread would never give
    back."""
    try:
        number = sys.stdin.fileno()
    except (OSError, io.UnsupportedOperation):
        yield sys.stdin.read().encode()
        return
    while piece := os.read(number, PIECE_BYTES):
        yield piece


def _show(text: str) -> None:
    """Print without what could change the terminal: noise on the line is no order to it."""
    shown = "".join(one for one in text if one.isprintable() or one in "\n\t")
    if shown:
        click.echo(shown, nl=False)
