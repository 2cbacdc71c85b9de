"""The network that was told at the console: written whole, read with care."""

import os

from wifi import keep, learned

PATH = "wifi.json"


def written(text):
    with open(PATH, "w") as file:
        file.write(text)
    return learned(PATH)


def test_without_a_file_nothing_changes():
    assert learned("nowhere.json") == {}


def test_what_is_kept_is_read_again():
    for ssid, key in (("Block 6", "12345678"), ("街道", ""), ('a"b\\c', "k" * 64), ("s", "{}")):
        keep(ssid, key, PATH)
        assert learned(PATH) == {"wifi_ssid": ssid, "wifi_key": key}
    assert PATH + ".new" not in os.listdir(".")


def test_a_file_that_cannot_be_used_changes_nothing():
    for text in (
        "", "{", "[]", "7", "null", '"a"', "{}", '{"format": 2, "wifi_ssid": "a", "wifi_key": ""}',
        '{"format": 1, "wifi_ssid": "a"}', '{"format": 1, "wifi_ssid": 7, "wifi_key": ""}',
        '{"format": 1, "wifi_ssid": "a", "wifi_key": null}',
        '{"format": 1, "wifi_ssid": "' + "a" * 65 + '", "wifi_key": ""}', "\xff\xfe", " " * 5000,
    ):  # fmt: skip
        assert written(text) == {}, text


def test_the_old_one_stays_where_the_new_one_cannot_be_written():
    keep("Block 6", "12345678", PATH)
    os.mkdir(PATH + ".new")
    try:
        keep("Block 7", "", PATH)
        raise AssertionError("it was written")
    except OSError:
        pass
    os.rmdir(PATH + ".new")
    assert learned(PATH)["wifi_ssid"] == "Block 6"
