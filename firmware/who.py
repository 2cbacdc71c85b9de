"""Who this gateway is, and whether it is sound: one line for the bench, at each start and for
whoever types `who`. Made at the start only.

    firegrid {"site": …, "gateway": …, "firmware": …, "config_version": …, "self_test": "ok"}

The self-test is of the board itself: what hangs on it tells of itself, as TROUBLE.
"""

import json

from lib.prov import GATEWAY, SITE


def who(firmware, identity, head, refused):
    """Return the line; `identity` is what prov says, `head` the configuration's, None without one;
    `refused` is why the newest was not taken."""
    site, gateway = identity.get(SITE, b"").decode(), identity.get(GATEWAY, b"").decode()
    wrong = []
    if not gateway:
        wrong.append("no identity")
    elif head and (head["site"], head["gateway"]) != (site, gateway):
        wrong.append("the configuration is of " + head["site"] + "/" + head["gateway"])
    if refused or not head:
        wrong.append("no configuration" if head is None else "configuration refused")
    said = {
        "site": site or (head["site"] if head else ""),
        "gateway": gateway or (head["gateway"] if head else ""),
        "firmware": firmware,
        "config_version": head["version"] if head else 0,
        "self_test": ", ".join(wrong) or "ok",
    }
    return "firegrid " + json.dumps(said)
