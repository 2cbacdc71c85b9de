"""What must be right before a bench can work: ports, disk, clock, keys, broker.

Each check says what was seen, and what to do where that is not enough.
"""

import os
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from firegrid.errors import FiregridError
from firegrid.identity import ca_begins
from firegrid.image.enrol import is_enrolled
from firegrid.ports import plugged
from firegrid.resources import firmware_dir
from firegrid.site.model import Site
from firegrid.state import State
from firegrid.wifi import key_of

__all__ = ["Finding", "checkup"]

FREE_BYTES = 200 * 1024 * 1024  # images of twenty boards, a store, reports
BROKER_S = 3.0


class Finding(NamedTuple):
    """One check: whether it is well, what was seen, what to do."""

    check: str
    ok: bool
    seen: str
    advice: str = ""


def checkup(
    site: Site, state: State, broker: tuple[str, int] | None, patterns: Sequence[str]
) -> Iterator[Finding]:
    """Yield every check, in the order in which a bench needs them; of the ports that fit a
    pattern, without patterns of all."""
    yield from _ports(patterns)
    yield _firmware()
    yield _disk(state)
    yield from _keys(state)
    yield from _networks(site, state)
    yield _identities(site, state)
    if broker:
        yield _broker(*broker)


def _ports(patterns: Sequence[str]) -> Iterator[Finding]:
    found = plugged(patterns)
    if not found:
        seen = f"no serial port {' or '.join(patterns)}".rstrip()
        advice = "plug a board in; one that does not show up has a charge-only cable or no driver"
        yield Finding("ports", False, seen, advice)
    for port in found:
        seen = f"{port.device}: {port.description}"
        if os.access(port.device, os.R_OK | os.W_OK) or not Path(port.device).exists():
            yield Finding("ports", True, seen)
        else:
            advice = "sudo usermod -aG dialout $USER, then log in again"
            yield Finding("ports", False, f"{seen}: no permission", advice)


def _firmware() -> Finding:
    try:
        folder = firmware_dir()
    except FiregridError as error:
        return Finding("firmware", False, str(error), "make compile")
    count = sum(1 for _ in folder.rglob("*.mpy"))
    return Finding("firmware", count > 0, f"{count} compiled files in {folder}", "make compile")


def _disk(state: State) -> Finding:
    folder = state.directory
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    seen = f"{free // 2**20} MiB free at {folder}"
    least = FREE_BYTES // 2**20
    return Finding("disk", free >= FREE_BYTES, seen, f"{least} MiB are needed: make room")


def _keys(state: State) -> Iterator[Finding]:
    try:
        begins_s = ca_begins(state)
    except FiregridError as error:
        yield Finding("keys", False, str(error), "")
        return
    yield Finding("keys", True, f"the community's keys are in {state.ca}")
    now_s = time.time()
    seen = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now_s))
    advice = "this machine's clock is before the making of the community's keys: set it"
    yield Finding("clock", now_s >= begins_s, seen, advice)


def _networks(site: Site, state: State) -> Iterator[Finding]:
    for ssid in sorted({gateway.wifi_ssid for gateway in site.gateways if gateway.wifi_ssid}):
        try:
            key_of(state, ssid)
            yield Finding("wifi", True, f"the key of {ssid} is there")
        except FiregridError as error:
            yield Finding("wifi", False, str(error))
    without = [gateway.id for gateway in site.gateways if not gateway.wifi_ssid]
    if without:
        yield Finding(
            "wifi", False, f"{', '.join(without)} name no network", "write wifi_ssid in the site"
        )


def _identities(site: Site, state: State) -> Finding:
    missing = [one.id for one in site.gateways if not is_enrolled(state, one.id)]
    if missing:
        seen = f"{len(missing)} gateways have no identity: {', '.join(missing)}"
        return Finding("identities", False, seen, "firegrid provision makes them")
    return Finding("identities", True, f"all {len(site.gateways)} gateways have one")


def _broker(host: str, port: int) -> Finding:
    began = time.monotonic()
    try:
        socket.create_connection((host, port), BROKER_S).close()
    except OSError as error:
        seen = f"{host}:{port} does not answer: {error.strerror or error}"
        return Finding("broker", False, seen, "start it, or look at the address and the firewall")
    took_ms = round((time.monotonic() - began) * 1000)
    return Finding("broker", True, f"{host}:{port} takes a connection, after {took_ms} ms")
