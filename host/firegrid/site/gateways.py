"""Reads one [[gateway]] of a site file: where it stands, its settings and pins."""

from collections.abc import Callable, Mapping
from typing import Any

from firegrid import tables
from firegrid.site.fields import Fields, Problems
from firegrid.site.model import Gateway, Output
from firegrid.site.pins import output_fault, pin_fault
from firegrid.site.rules import read_rules

__all__ = ["SSID_BYTES_MAX", "read_gateway"]

SSID_BYTES_MAX = 32  # IEEE 802.11
SETTINGS = ("sample_s", "keepalive_s", "broker_s", "desk_s", "taken_s")


def read_gateway(row: Mapping[str, Any], index: int, problems: Problems) -> Gateway:
    """Return the gateway; pins that the file does not name are the board's usual ones."""
    ident = row.get("id")
    where = f"gateway {ident}" if isinstance(ident, str) else f"[[gateway]] no. {index}"
    fields = Fields(row, where, problems)
    figures = tables.gateway_figures()
    pins = {name: _pin(fields, name, pin) for name, pin in tables.board().pins.items()}
    gateway = Gateway(
        id=fields.ident("id"),
        grid=fields.ident("grid"),
        place=fields.text("place"),
        **{name: fields.whole(name, figures[name]) for name in SETTINGS},
        wifi_ssid=_ssid(fields),
        outputs=_outputs(fields),
        rs485=_rs485(fields),
        rules=read_rules(fields),
        **pins,
    )
    fields.end()
    return gateway


def _ssid(fields: Fields) -> str:
    ssid = fields.text("wifi_ssid", "")
    if len(ssid.encode()) > SSID_BYTES_MAX:
        fields.problem(
            "wifi_ssid", f"is longer than {SSID_BYTES_MAX} bytes; no network has such a name"
        )
    return ssid


def _outputs(fields: Fields) -> tuple[Output, ...]:
    row = fields.take("outputs", {})
    if not isinstance(row, dict):
        fields.problem("outputs", "is not a table; write [gateway.outputs] and one pin a line")
        return ()
    inner = Fields(row, f"{fields.where}: outputs", fields.problems)
    board = tables.board()
    outputs = [_output(inner, name, pin) for name, pin in board.outputs.items()]
    more = [name for name in board.more_outputs if inner.take(name, None) is not None]
    outputs += [_output(inner, name, None) for name in more]
    inner.end()
    return tuple(outputs)


def _output(fields: Fields, name: str, usual_pin: int | None) -> Output:
    value = fields.take(name, usual_pin)
    if not isinstance(value, dict):
        return Output(name, _pin(fields, name, usual_pin))
    inner = Fields(value, f"{fields.where}: {name}", fields.problems)
    active = inner.whole("active", tables.Figure(1, 0, 1))
    output = Output(name, _pin(inner, "pin", usual_pin), active)
    inner.end()
    return output


def _rs485(fields: Fields) -> dict[str, int]:
    """Return pins and settings of the RS-485 line; only the receiving pin may be input only."""
    usual = tables.board().rs485
    pins = {
        name: _pin(fields, f"rs485_{name}", pin, pin_fault if name == "rx_pin" else output_fault)
        for name, pin in usual.items()
    }
    figures = tables.rs485_figures()
    return pins | {name: fields.whole(f"rs485_{name}", fig) for name, fig in figures.items()}


def _pin(
    fields: Fields, name: str, usual: int | None, fault_of: Callable[[int], str] = output_fault
) -> int:
    highest = tables.board().highest
    if usual is None:
        pin = fields.count(name, 0, highest) or 0
    else:
        pin = fields.whole(name, tables.Figure(usual, 0, highest, "the pins of an ESP32"))
    if fault := fault_of(pin):
        fields.problem(name, fault)
    return pin
