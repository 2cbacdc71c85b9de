"""The hash of the firmware that runs: every file counts, by name and content."""

import hashlib
import os
from binascii import hexlify

from lib.fingerprint import fingerprint

ROOT = "/tmp/check_fingerprint_" + hexlify(os.urandom(6)).decode()
FILES = (("main.mpy", b"m" * 1500), ("lib/hold.mpy", b"h"), ("lib/note.txt", b"not counted"))


def lay_down(files):
    for folder in ("", "/lib"):
        try:
            os.mkdir(ROOT + folder)
        except OSError:
            pass  # there from the test before
    for name, content in files:
        with open(ROOT + "/" + name, "wb") as file:
            file.write(content)


def test_it_is_the_hash_of_names_and_hashes_in_order():
    lay_down(FILES)
    expected = hashlib.sha256()
    for name, content in (FILES[1], FILES[0]):
        expected.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    assert fingerprint(ROOT) == hexlify(expected.digest()).decode()


def test_one_changed_byte_changes_it_and_other_files_do_not():
    lay_down(FILES)
    before = fingerprint(ROOT)
    lay_down((("lib/note.txt", b"changed"),))
    assert fingerprint(ROOT) == before
    lay_down((("main.mpy", b"m" * 1499 + b"n"),))
    assert fingerprint(ROOT) != before
