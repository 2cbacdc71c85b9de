"""What the gateway says on the wire: flat JSON texts, written without building a tree.

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


def _stamp(n, epoch, boot, up_s, up_ms, quality, time_s):
    return (
        f'"n":{n},"epoch":{epoch},"boot":{boot},"up_s":{up_s},"up_ms":{up_ms},'
        f'"time_s":{time_s or "null"},"time_quality":"{QUALITIES[quality]}"'
    )


def event_text(record, epoch, units, _):
    """Return one event record as a JSON object; `units` maps a point's number to its unit.

    An event was dated when it was raised; it needs no clock here."""
    (n, boot, point, up_s, up_ms, mode, quality, time_s, event, conditions, changed, value, code,
     limit) = unpack_event(record)  # fmt: skip
    stamp = _stamp(n, epoch, boot, up_s, up_ms, quality, time_s)
    unit = units.get(point, "")
    tail = ""
    if event == ACT:
        from lib.act import act_text

        conditions = changed = code = 0
        value = limit = None
        unit = ""
        tail = act_text(record)
        forget("lib.act", "lib.verbs")
    return (
        f'{{{stamp},"point":{point},"mode":"{MODES[mode]}","event":"{EVENTS[event]}",'
        f'"conditions":{conditions},"changed":{changed},"value":{decimal(value)},'
        f'"unit":"{unit}","limit":{decimal(limit)},"code":{code}{tail}}}'
    )


def sample_text(record, epoch, units, clock):
    """Return one sample record as a JSON object, dated by uptime where it is of this boot."""
    (n, boot, point, up_s, up_ms, mode, quality, interval_s, low, mean, high, last) = (
        unpack_sample(record)
    )
    time_s = 0
    if boot == clock.boot and clock.quality:
        quality = clock.quality
        time_s = clock.time_s() - clock.up_s + up_s
    stamp = _stamp(n, epoch, boot, up_s, up_ms, quality if time_s else 0, time_s)
    return (
        f'{{{stamp},"point":{point},"mode":"{MODES[mode]}","interval_s":{interval_s},'
        f'"min":{decimal(low)},"mean":{decimal(mean)},"max":{decimal(high)},'
        f'"last":{decimal(last)},"unit":"{units.get(point, "")}"}}'
    )


def point_text(point, version, part, bypassed_s):
    """Return one point's present state as a JSON object."""
    return (
        f'{{"version":{version},"part":{part},"point":{point.number},"kind":"{point.kind}",'
        f'"mode":"{MODES[point.mode]}","conditions":{point.conditions},'
        f'"acknowledged":{point.acknowledged},"bypassed_s":{bypassed_s},'
        f'"value":{decimal(point.value)},"unit":"{point.unit}","code":{point.code}}}'
    )


def head_text(fields):
    """Return the state's head, a list of (key, value) with ints, strings and None, as a JSON
    object."""
    return "{" + ",".join([f'"{key}":{_json(value)}' for key, value in fields]) + "}"


def _json(value):
    if value is None:
        return "null"
    return f'"{value}"' if isinstance(value, str) else str(value)
