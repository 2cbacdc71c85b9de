"""Options that many commands share."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from firegrid import words
from firegrid.image.fetch import VERSION
from firegrid.wire import HOST

__all__ = [
    "HostPort",
    "broker_option",
    "broker_url_option",
    "lang_option",
    "micropython_option",
    "ports_option",
    "state_option",
]

PORT_MAX = 65535
F = TypeVar("F", bound=Callable[..., Any])


def _use(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value:
        words.use(value)


lang_option = click.option(
    "--lang",
    type=click.Choice(words.LANGUAGES),
    expose_value=False,
    callback=_use,
    help="Language of what is shown; otherwise the environment's.",
)

state_option = click.option(
    "--state",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The community's folder; otherwise NAME.firegrid beside the site file.",
)


micropython_option = click.option(
    "--micropython",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="MicroPython for the ESP32 (ESP32_GENERIC, 1.24 or later). [default: "
    f"{VERSION}, fetched from micropython.org and checked by its SHA-256]",
)


def ports_option(what: str) -> Callable[[F], F]:
    """Return the option --ports GLOB, as `patterns`; `what` begins its help."""
    return click.option(
        "--ports",
        "patterns",
        multiple=True,
        metavar="GLOB",
        help=f"{what}, '/dev/ttyUSB*'; may be given again. [default: every USB serial port]",
    )


class HostPort(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """HOST or HOST:PORT, also as mqtt://HOST:PORT; the usual port where none is named."""

    name = "host"
    usual = 1883  # the firmware speaks MQTT without TLS as yet

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Return (host, port)."""
        if isinstance(value, tuple):
            return value
        host, colon, port = str(value).removeprefix("mqtt://").rpartition(":")
        if not colon:
            host, port = port, str(self.usual)
        is_port = re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) <= PORT_MAX
        if not re.fullmatch(HOST, host) or not is_port:
            self.fail(f'"{value}" is no HOST or HOST:PORT', param, ctx)
        return host, int(port)


def _with_scheme(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    return value if "://" in value else f"mqtt://{value}"


broker_url_option = click.option(
    "--broker",
    metavar="URL",
    default="mqtt://127.0.0.1:1883",
    show_default=True,
    callback=_with_scheme,
    help="Where the gateways publish: [mqtt://[USER:PASSWORD@]]HOST[:PORT].",
)

broker_option = click.option(
    "--broker",
    required=True,
    type=HostPort(),
    metavar="HOST[:PORT]",
    help=f"Where the gateways find their broker; port {HostPort.usual} where none is named.",
)
