"""Which pin of the ESP32 can do what, and that no two things share one."""

from collections.abc import Iterator

from firegrid import tables
from firegrid.site.fields import Problems
from firegrid.site.model import Gateway, Input, Point, Site

__all__ = ["check_uses", "input_fault", "output_fault", "pin_fault"]


STATIONS = range(1, 248)  # Modbus over Serial Line V1.02, 2.2
DS18B20_FAMILY = "28"


def output_fault(pin: int) -> str:
    """Return why a pin cannot drive a lamp or a bus line; empty where it can."""
    board = tables.board()
    if fault := pin_fault(pin):
        return fault
    if pin in board.input_only:
        return f"GPIO {pin} is input only and drives nothing; choose one of {_names(_outputs())}"
    return ""


def input_fault(where: Input, driver: tables.Driver) -> str:
    """Return why a driver cannot measure at an input; empty where it can."""
    if where.bus not in driver.inputs:
        allowed = " or ".join(driver.inputs)
        return f"driver {driver.name} does not work at {where}; connect it to {allowed}"
    match where.bus:
        case "gpio":
            return _adc_fault(where)
        case "ads1115":
            return _ads1115_fault(where)
        case "rs485":
            return _station_fault(where)
    return _probe_fault(where)


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
    if site.stations_of(gateway.id):
        for name in tables.board().rs485:
            uses.setdefault(f"gpio{gateway.rs485[name]}", []).append(f"rs485_{name}")
    for point in site.points_of(gateway.id):
        for what in _used_by(point):
            uses.setdefault(what, []).append(f"point {point.number} ({point.id})")
    _share_wires(site, gateway, uses)
    return uses


def _used_by(point: Point) -> Iterator[str]:
    if not point.input:  # noted when it was read
        return
    where = Input.parse(point.input)
    if where.bus == "rs485":  # a station has many registers, each for one point
        function, register = point.params["function"], point.params["register"]
        yield f"{where}, register {register} of function {function}"
    elif where.bus != "onewire":
        yield point.input


def _share_wires(site: Site, gateway: Gateway, uses: dict[str, list[str]]) -> None:
    """Several probes share a 1-Wire bus where each has its ROM id; nothing else shares its pin."""
    wires: dict[int, dict[str, list[str]]] = {}
    for point in site.points_of(gateway.id):
        where = Input.parse(point.input) if point.input else Input()
        if where.wire is not None:
            probes = wires.setdefault(where.wire, {})
            probes.setdefault(where.rom, []).append(f"point {point.number} ({point.id})")
    for pin, probes in wires.items():
        if "" in probes:  # the only probe on its bus
            users = [user for found in probes.values() for user in found]
            uses.setdefault(f"gpio{pin}", []).extend(users)
            continue
        uses.setdefault(f"gpio{pin}", []).append(f"1-Wire bus onewire{pin}")
        for rom, users in probes.items():
            uses.setdefault(f"onewire{pin}/{rom}", []).extend(users)


def pin_fault(pin: int) -> str:
    """Return why a pin can be used for nothing; empty where it can."""
    board = tables.board()
    if pin in board.missing or not 0 <= pin <= board.highest:
        return f"the ESP32 has no GPIO {pin}"
    if pin in board.flash:
        return f"GPIO {pin} belongs to the flash chip inside the module"
    if pin in board.console:
        return f"GPIO {pin} is the serial console"
    return ""


def _adc_fault(where: Input) -> str:
    board, pin = tables.board(), where.pin
    assert pin is not None, "only asked of a pin"
    if pin in board.adc:
        return ""
    fault = pin_fault(pin) or f"GPIO {pin} cannot measure a voltage"
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


def _station_fault(where: Input) -> str:
    if where.station not in STATIONS:
        return f"{where}: a Modbus station is a number from {STATIONS[0]} to {STATIONS[-1]}"
    return ""


def _probe_fault(where: Input) -> str:
    assert where.wire is not None, "only asked of a 1-Wire bus"
    if fault := output_fault(where.wire):  # the gateway pulls the wire down, too
        return fault
    if where.rom and not where.rom.startswith(DS18B20_FAMILY):
        return f"{where}: the ROM id of a DS18B20 begins with {DS18B20_FAMILY}"
    if _crc8(bytes.fromhex(where.rom)):
        return f"{where}: no ROM id: its last two digits are not the CRC of the others"
    return ""


def _crc8(data: bytes) -> int:
    """Return the CRC of a ROM id (DS18B20 data sheet, "CRC Generation"); 0 with its CRC in it."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


def _outputs() -> list[int]:
    board = tables.board()
    refused = {*board.input_only, *board.strapping, *board.adc}
    return [pin for pin in range(board.highest) if pin not in refused and not pin_fault(pin)]


def _names(pins: list[int] | tuple[int, ...]) -> str:
    return ", ".join(map(str, pins))
