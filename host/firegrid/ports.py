"""The serial ports of this machine, as far as something is plugged in."""

import fnmatch
import glob
import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from serial.tools import list_ports

__all__ = ["Port", "is_simulated", "plugged", "ports"]


class Port(NamedTuple):
    """A port: its device, and what is known of what is plugged in."""

    device: str
    description: str


def ports() -> list[Port]:
    """Return the ports in the order of their names; those without any hardware are left out."""
    found = []
    for one in sorted(list_ports.comports()):
        if one.vid is None and one.hwid in ("n/a", None):
            continue
        parts = [one.description or "serial port"]
        if one.vid is not None:
            parts.append(f"USB {one.vid:04x}:{one.pid:04x}")
        if one.serial_number:
            parts.append(f"serial number {one.serial_number}")
        if one.location:
            parts.append(f"at {one.location}")
        found.append(Port(one.device, ", ".join(parts)))
    return found


def plugged(patterns: Sequence[str]) -> list[Port]:
    """Return the ports that are there now and fit a pattern; without patterns all that have
    hardware. A network port (`rfc2217://…`) is taken to be there."""
    known = {port.device: port for port in ports()}
    if not patterns:
        return list(known.values())
    found: dict[str, Port] = {}
    for pattern in patterns:
        fitting = [pattern] if "://" in pattern else sorted(glob.glob(pattern))
        for device in [*fitting, *fnmatch.filter(known, pattern)]:
            found[device] = known.get(device, Port(device, "serial port"))
    return list(found.values())


def is_simulated(port: str) -> bool:
    """Return whether a port cannot be a real board's: a pseudo-terminal, or this machine."""
    if "://" in port:
        return bool(re.match(r"\w+://(?:127\.0\.0\.1|localhost)[:/]", port))
    return os.path.realpath(port).startswith(("/dev/pts/", "/dev/ttys"))
