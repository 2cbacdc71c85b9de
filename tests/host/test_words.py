"""Every key that a file or a message uses has a word that a caretaker understands."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from firegrid import resources, tables, wire, words

EN = Path(words.__file__).parent / "words" / "en.toml"


def test_the_words_fit_their_schema():
    schema = json.loads((resources.schemas_dir() / "words.schema.json").read_text())
    jsonschema.validate(tomllib.loads(EN.read_text(encoding="utf-8")), schema)


@pytest.mark.parametrize(
    ("section", "keys"),
    [
        ("codes", set(tables.codes().values())),
        ("kinds", {*tables.kinds(), "gateway"}),
        ("conditions", {*tables.BITS, "normal"}),
        ("modes", set(wire.MODES)),
        ("outputs", set(tables.board().outputs)),
    ],
)
def test_a_section_has_a_word_for_each_key_and_none_besides(section, keys):
    assert set(words.section(section)) == keys


def test_no_two_codes_are_told_in_the_same_words():
    told = list(words.section("codes").values())
    assert len(set(told)) == len(told)


def test_a_code_is_told_by_its_number():
    assert words.code(2) == "broken wire to the sensor"
    assert words.code(0) == ""


def test_a_code_of_a_newer_gateway_is_shown_as_a_number():
    assert words.code(77) == "trouble code 77"


def test_conditions_are_told_gravest_first():
    assert words.conditions(0) == []
    assert words.conditions(8 | 2 | 1) == ["ALARM", "PRE-ALARM", "TROUBLE"]


def test_kinds_and_modes_have_words_and_unknown_ones_stay_as_they_are():
    assert words.kind("leakage") == "electrical leakage"
    assert words.mode("test") == "walk test"
    assert words.kind("radiation") == "radiation"
