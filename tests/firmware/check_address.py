"""Numeric addresses are told from names."""

from lib.address import is_address


def test_numeric_addresses_are_told_from_names():
    for text in ("127.0.0.1", "0.0.0.0", "255.255.255.255", "10.1.2.3"):
        assert is_address(text), text
    for text in (
        "",
        "localhost",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.-4",
        "a.b.c.d",
        "1..2.3",
    ):
        assert not is_address(text), text
