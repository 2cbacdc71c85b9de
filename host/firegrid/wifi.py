"""The keys of Wi-Fi networks: secrets, in `wifi.toml` of the community's folder.

format = 1

[[network]]
ssid = "Block 6"
key = "…"          # 8 to 63 characters; "" where the network is open
"""

from firegrid.errors import FiregridError
from firegrid.site.document import read_document
from firegrid.site.fields import Fields, Problems
from firegrid.state import State

__all__ = ["FORMAT", "KEY_CHARACTERS", "key_of"]

FORMAT = 1
KEY_CHARACTERS = range(8, 64)  # IEEE 802.11: a WPA passphrase


def key_of(state: State, ssid: str) -> str:
    """Return the key of a network; raise FiregridError where the file does not have it."""
    path = state.wifi
    if not path.exists():
        raise FiregridError(
            f"{path}: is not there, and the network {ssid} needs its key",
            'write it: format = 1, then [[network]] with ssid = "…" and key = "…"',
        )
    problems = Problems(path)
    fields = Fields(read_document(path, FORMAT, "list of networks"), "", problems)
    keys: dict[str, str] = {}
    for n, row in enumerate(fields.tables("network"), 1):
        network = Fields(row, f"[[network]] no. {n}", problems)
        name = network.text("ssid")
        key = network.take("key")
        if isinstance(key, str) and (not key or len(key) in KEY_CHARACTERS) and key.isascii():
            keys[name] = key
        elif key is not None:
            network.problem("key", "is no key; 8 to 63 ASCII characters, or none for an open one")
        network.end()
    fields.end()
    problems.refuse_any()
    if ssid not in keys:
        raise FiregridError(f"{path}: has no network {ssid}", f"it has: {', '.join(keys)}")
    return keys[ssid]
