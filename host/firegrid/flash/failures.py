"""What a tool's error means at the bench, and what to do about it."""

import re

__all__ = ["Failure", "failure_of"]

LINK, SILENT, BUSY, DENIED, FLASH, OTHER = "link", "silent", "busy", "denied", "flash", "other"

# What esptool and the system say; the first that fits counts.
_KNOWN = (
    (DENIED, r"permission denied|errno 13|access is denied"),
    (BUSY, r"could not open|busy|doesn't exist|no such file|could not exclusively lock"),
    (SILENT, r"no serial data received|wrong boot mode|failed to connect"),
    (FLASH, r"md5 of file does not match|flash region is empty|verif\w+ failed|digest mismatch"),
    (LINK, r"no more data|serial ?exception|timed out|packet content|disconnected|input/output"
           r"|device reports readiness|write timeout|invalid head|guru meditation|unexpected"),
)  # fmt: skip
_SAID = {
    SILENT: (
        "the board does not answer",
        "hold BOOT, tap RESET, release BOOT; if it stays silent, take another cable: some only "
        "charge",
    ),
    BUSY: (
        "the port is in use by another program, or was unplugged",
        "close other programs on it, or plug the board in again",
    ),
    DENIED: (
        "you may not use this port",
        "add yourself to the group dialout, then log in again",
    ),
    FLASH: (
        "the flash did not keep what was written",
        "where it happens again, set this board aside: its flash is bad",
    ),
    LINK: (
        "cable or power was interrupted",
        "plug it in again: it goes on with the same gateway, and no id is lost",
    ),
}


class Failure(Exception):
    """Something went wrong with one board; `kind` says what may be tried again."""

    def __init__(self, kind: str, what: str, advice: str = "") -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.advice = advice

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return Failure, (self.kind, self.what, self.advice)


def failure_of(error: BaseException, percent: int | None = None) -> Failure:
    """Return what an error of esptool, pyserial or the system means; `percent` of the writing was
    done when it came."""
    if isinstance(error, Failure):
        return error
    text = f"{type(error).__name__}: {error}"
    kind = next((kind for kind, form in _KNOWN if re.search(form, text, re.I)), OTHER)
    if kind == BUSY and percent is not None:
        kind = LINK  # it was open before
    if kind not in _SAID:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return Failure(OTHER, first[:200], "try again; if it repeats, set this board aside")
    what, advice = _SAID[kind]
    if kind == LINK and percent is not None:
        what += f" at {percent} %"
    return Failure(kind, what, advice)
