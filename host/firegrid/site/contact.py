"""Whether the states of a supervised contact can be told apart at its input."""

from firegrid.site.model import Input, Point

__all__ = ["states_fault"]

PIN_MV = (150, 2450)  # where an ESP32's converter tells the truth
SUPPLY_PERMILLE = (50, 950)  # nearer to its ends a line is as good as shorted or cut


def states_fault(point: Point) -> str:
    """Return why rest, active, short and open could be mistaken; empty where they cannot."""
    params = point.params
    rest, active = _band_mv(params["rest_ohm"], params), _band_mv(params["active_ohm"], params)
    if rest[0] <= active[1] and active[0] <= rest[1]:
        ohms = f"{params['rest_ohm']} ohm at rest and {params['active_ohm']} ohm when active"
        return f"{ohms} overlap within {params['tolerance_pct']} %; choose them further apart"
    low, high = (share * params["supply_mv"] / 1000 for share in SUPPLY_PERMILLE)
    if Input.parse(point.input).bus == "gpio":
        low, high = max(low, PIN_MV[0]), min(high, PIN_MV[1])
    lowest, highest = min(rest[0], active[0]), max(rest[1], active[1])
    if lowest <= low or highest >= high:
        seen = f"the line shows {lowest:.0f} to {highest:.0f} mV"
        return (
            f"{seen} at {point.input}, {low:.0f} to {high:.0f} mV can be told from short and open"
        )
    return ""


def _band_mv(ohm: int, params: dict[str, int]) -> tuple[float, float]:
    """Return the least and the greatest voltage of a line with this resistance."""
    share = params["tolerance_pct"] / 100
    low, high = (
        params["supply_mv"] * part / (part + params["pull_up_ohm"])
        for part in (ohm * (1 - share), ohm * (1 + share))
    )
    return low, high
