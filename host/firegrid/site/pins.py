"""Which pin of the ESP32 can do what, and that no two things share one."""

from firegrid import tables
from firegrid.site.fields import Problems
from firegrid.site.model import Gateway, Input, Site

__all__ = ["check_uses", "input_fault", "output_fault"]


def output_fault(pin: int) -> str:
    """Return why a pin cannot drive a lamp or a bus line; empty where it can."""
    board = tables.board()
    if fault := _unusable(pin):
        return fault
    if pin in board.input_only:
        return f"GPIO {pin} is input only and drives nothing; choose one of {_names(_outputs())}"
    return ""


def input_fault(where: Input, driver: tables.Driver) -> str:
    """Return why a driver cannot measure at an input; empty where it can."""
    if where.bus not in driver.inputs:
        allowed = " or ".join(driver.inputs)
        return f"driver {driver.name} does not work at {where}; connect it to {allowed}"
    return _adc_fault(where.pin) if where.pin is not None else _ads1115_fault(where)


def check_uses(site: Site, problems: Problems) -> None:
    """Note every pin and every converter channel of a gateway that is used twice."""
    for gateway in site.gateways:
        for what, users in _uses(site, gateway).items():
            if len(users) > 1:
                text = f"{what} is used by {' and by '.join(users)}; give each its own"
                problems.add(f"gateway {gateway.id}", "", text)


def _uses(site: Site, gateway: Gateway) -> dict[str, list[str]]:
    uses: dict[str, list[str]] = {}
    for name in tables.board().pins:
        uses.setdefault(f"gpio{getattr(gateway, name)}", []).append(name)
    for output in gateway.outputs:
        uses.setdefault(f"gpio{output.pin}", []).append(output.name)
    for point in site.points_of(gateway.id):
        uses.setdefault(point.input, []).append(f"point {point.number} ({point.id})")
    return uses


def _unusable(pin: int) -> str:
    board = tables.board()
    if pin in board.missing or not 0 <= pin <= board.highest:
        return f"the ESP32 has no GPIO {pin}"
    if pin in board.flash:
        return f"GPIO {pin} belongs to the flash chip inside the module"
    if pin in board.console:
        return f"GPIO {pin} is the serial console"
    return ""


def _adc_fault(pin: int) -> str:
    board = tables.board()
    if pin in board.adc:
        return ""
    fault = _unusable(pin) or f"GPIO {pin} cannot measure a voltage"
    if pin in board.adc_not_with_wifi:
        fault = f"GPIO {pin} (ADC block 2) cannot measure while Wi-Fi is on"
    return f"{fault}; choose one of {_names(board.adc)}"


def _ads1115_fault(where: Input) -> str:
    board = tables.board()
    if where.address not in board.ads1115_addresses:
        allowed = ", ".join(f"0x{address:02x}" for address in board.ads1115_addresses)
        return f"{where}: an ADS1115 has no such address; choose one of {allowed}"
    if where.channel not in range(board.ads1115_channels):
        return f"{where}: an ADS1115 has channels 0…{board.ads1115_channels - 1}"
    return ""


def _outputs() -> list[int]:
    board = tables.board()
    refused = {*board.input_only, *board.strapping, *board.adc}
    return [pin for pin in range(board.highest) if pin not in refused and not _unusable(pin)]


def _names(pins: list[int] | tuple[int, ...]) -> str:
    return ", ".join(map(str, pins))
