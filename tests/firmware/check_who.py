"""The line that says who a gateway is, and what is wrong with it."""

import json

from lib.prov import GATEWAY, SITE
from who import who

KNOWN = {SITE: b"street", GATEWAY: b"gw-1"}
HEAD = {"site": "street", "gateway": "gw-1", "version": 7}


def said(*about):
    word, _, rest = who("0.1.0", *about).partition(" ")
    assert word == "firegrid"
    return json.loads(rest)


def test_a_sound_gateway_says_who_it_is():
    assert said(KNOWN, HEAD, None) == {
        "site": "street",
        "gateway": "gw-1",
        "firmware": "0.1.0",
        "config_version": 7,
        "self_test": "ok",
    }


def test_what_is_wrong_is_named():
    assert said({}, HEAD, None)["self_test"] == "no identity"
    assert said(KNOWN, HEAD, "line 3: …")["self_test"] == "configuration refused"
    assert said(KNOWN, None, None)["self_test"] == "no configuration"
    other = dict(HEAD, gateway="gw-2")
    assert said(KNOWN, other, None)["self_test"] == "the configuration is of street/gw-2"
    assert said({}, None, "x") == {
        "site": "",
        "gateway": "",
        "firmware": "0.1.0",
        "config_version": 0,
        "self_test": "no identity, no configuration",
    }
