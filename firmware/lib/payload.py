"""What the gateway says on the wire: flat JSON, printed to a stream without building a text.

Keys and bounds are described in docs/asyncapi.yaml; tests on both sides read the same vectors.
"""

from lib.forget import forget
from lib.record import ACT, EVENTS, MODES, QUALITIES, unpack_event, unpack_sample


def decimal(thousandths):
    """Return a number of thousandths as a JSON number in the unit: -1500 -> "-1.5"."""
    if thousandths is None:
        return "null"
    sign = "-" if thousandths < 0 else ""
    whole, rest = divmod(abs(thousandths), 1000)
    if not rest:
        return sign + str(whole)
    return (sign + str(whole) + "." + f"{rest:03d}").rstrip("0")


def _put_stamp(  # noqa: PLR0913
    out, n, epoch, boot, up_s, up_ms, quality, time_s, point, mode
):
    print(
        '{"n":', n, ',"epoch":', epoch, ',"boot":', boot, ',"up_s":', up_s, ',"up_ms":', up_ms,
        ',"time_s":', time_s or "null", ',"time_quality":"', QUALITIES[quality],
        '","point":', point, ',"mode":"', MODES[mode],
        sep="", end="", file=out,
    )  # fmt: skip


def put_event(out, record, epoch, units, _):
    """Print one event record as a JSON object; `units` maps a point's number to its unit.

    An event was dated when it was raised; it needs no clock here."""
    (n, boot, point, up_s, up_ms, mode, quality, time_s, event, conditions, changed, value, code,
     limit) = unpack_event(record)  # fmt: skip
    _put_stamp(out, n, epoch, boot, up_s, up_ms, quality, time_s, point, mode)
    unit = units.get(point, "")
    tail = ""
    if event == ACT:
        from lib.act import act_text

        conditions = changed = code = 0
        value = limit = None
        unit = ""
        tail = act_text(record)
        forget("lib.act", "lib.verbs")
    print(
        '","event":"', EVENTS[event], '","conditions":', conditions, ',"changed":', changed,
        ',"value":', decimal(value), ',"unit":"', unit, '","limit":', decimal(limit),
        ',"code":', code, tail, "}",
        sep="", end="", file=out,
    )  # fmt: skip


def put_sample(out, record, epoch, units, clock):
    """Print one sample record as a JSON object, dated by uptime where it is of this boot."""
    (n, boot, point, up_s, up_ms, mode, quality, interval_s, low, mean, high, last) = (
        unpack_sample(record)
    )
    time_s = 0
    if boot == clock.boot and clock.quality:
        quality = clock.quality
        time_s = clock.time_s() - clock.up_s + up_s
    quality = quality if time_s else 0
    _put_stamp(out, n, epoch, boot, up_s, up_ms, quality, time_s, point, mode)
    print(
        '","interval_s":', interval_s, ',"min":', decimal(low), ',"mean":', decimal(mean),
        ',"max":', decimal(high), ',"last":', decimal(last), ',"unit":"', units.get(point, ""),
        '"}',
        sep="", end="", file=out,
    )  # fmt: skip


def put_point(out, point, version, part, bypassed_s):
    """Print one point's present state as a JSON object."""
    print(
        '{"version":', version, ',"part":', part, ',"point":', point.number,
        ',"kind":"', point.kind, '","mode":"', MODES[point.mode],
        '","conditions":', point.conditions, ',"acknowledged":', point.acknowledged,
        ',"bypassed_s":', bypassed_s, ',"value":', decimal(point.value),
        ',"unit":"', point.unit, '","code":', point.code, "}",
        sep="", end="", file=out,
    )  # fmt: skip


def put_field(out, key, value):
    """Print one field of the state's head, an int, a string or None."""
    if value is None:
        value = "null"
    elif isinstance(value, str):
        value = '"' + value + '"'
    print('"', key, '":', value, sep="", end="", file=out)
