"""Every key that files and messages use has words that a caretaker understands, twice."""

import ast
import json
import string
import tomllib
from pathlib import Path

import jsonschema
import pytest
from firegrid import resources, tables, wire, words
from rich.cells import cell_len

CATALOGUES = Path(words.__file__).parent / "words"
ROOT = resources.checkout()
each_language = pytest.mark.parametrize("language", words.LANGUAGES)


def catalogue(language):
    return tomllib.loads((CATALOGUES / f"{language}.toml").read_text(encoding="utf-8"))


def sections(language):
    found = catalogue(language)
    return {name: found[name] for name in found if name not in ("format", "language")}


def keys(language):
    """Return every key, `view.stale`, with its text."""
    rows = sections(language).items()
    return {f"{section}.{key}": text for section, row in rows for key, text in row.items()}


def places(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


# --- the catalogues --------------------------------------------------------------------------


def test_there_is_one_catalogue_for_each_language_that_can_be_asked_for():
    assert {path.stem for path in CATALOGUES.glob("*.toml")} == set(words.LANGUAGES)


@each_language
def test_the_words_fit_their_schema(language):
    schema = json.loads((resources.schemas_dir() / "words.schema.json").read_text())
    jsonschema.validate(catalogue(language), schema)
    assert catalogue(language)["language"] == language


@each_language
def test_no_catalogue_lacks_a_key_or_a_place_for_a_value(language):
    english, other = keys("en"), keys(language)
    assert other.keys() == english.keys()
    assert {key: places(text) for key, text in other.items()} == {
        key: places(text) for key, text in english.items()
    }


@each_language
def test_no_text_is_empty(language):
    assert [key for key, text in keys(language).items() if not text.strip()] == []


@pytest.mark.parametrize("break_it", ["missing", "empty"])
def test_the_schema_refuses_a_catalogue_without_a_section_or_text(break_it):
    broken = catalogue("zh")
    if break_it == "missing":
        del broken["codes"]
    else:
        broken["codes"]["open"] = " "
    schema = json.loads((resources.schemas_dir() / "words.schema.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


@each_language
@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("codes", set(tables.codes().values())),
        ("kinds", {*tables.kinds(), "gateway"}),
        ("kinds_short", {*tables.kinds(), "gateway"}),
        ("quantities", set(tables.quantities())),
        ("drivers", set(tables.drivers())),
        ("conditions", {*tables.BITS, "normal"}),
        ("modes", set(wire.MODES)),
        ("verbs", set(tables.verbs().values())),
        ("acts", set(tables.verbs().values())),
        ("act_hows", set(tables.hows().values())),
        ("reasons", set(tables.reasons().values())),
        ("news", {*wire.EVENTS, "online", "offline"} - {"condition", "act"}),
        ("outputs", set(tables.board().output_names)),
    ],
)
def test_a_section_has_a_word_for_each_key_and_none_besides(language, section, expected):
    assert set(sections(language)[section]) == expected


@each_language
def test_no_two_codes_are_told_in_the_same_words(language):
    told = list(sections(language)["codes"].values())
    assert len(set(told)) == len(told)


@each_language
def test_the_short_kinds_fit_their_column_and_the_long_ones_theirs(language):
    assert max(map(cell_len, sections(language)["kinds_short"].values())) <= 8
    assert max(map(cell_len, sections(language)["kinds"].values())) <= 18


def test_chinese_is_chinese():
    """A text left in English is a mistake, but for names and numbers."""
    english = keys("en")
    marks = {"marks.comma", "act.said"}
    alike = [key for key, text in keys("zh").items() if text == english[key]]
    plain = [key for key, text in keys("zh").items() if all(ord(sign) < 0x3000 for sign in text)]
    assert alike == []
    assert set(plain) - marks == set()


# --- what the code asks for ------------------------------------------------------------------


TELLERS = ("words.tell", "tell", "_more", "_sourced")  # the last two hand the key on


def calls_of_tell():
    """Yield file, line, key and the names of the values of each call with a literal key."""
    for folder in ("host/firegrid", "simulator/firegrid_sim"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in TELLERS:
                    named = {word.arg for word in node.keywords}
                    named |= {None} if ast.unparse(node.func).startswith("_") else set()
                    for key in literals(node.args[0]):
                        yield f"{path.name}:{node.lineno}", key, named


def literals(node):
    if isinstance(node, ast.IfExp):
        return [*literals(node.body), *literals(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and "." in node.value else []


def test_every_sentence_that_the_code_tells_is_there_with_its_values():
    known = keys("en")
    found = list(calls_of_tell())
    assert len(found) > 40
    for where, key, named in found:
        assert key in known, where
        assert None in named or places(known[key]) <= named, where  # None: **values


def test_no_sentence_is_left_over_that_nobody_tells():
    told = {key for _, key, _ in calls_of_tell()}
    chosen_by_name = {
        "explain": {"above", "below", "clears_below", "clears_above", "band_below", "band_above",
                    "steady", "slow", "off", "beeps", "fast", "temporal3", "flash",
                        "at_input", "in_circuit"},
        "view": {"point", "kind", "place", "value", "state", "age",
                 "offline", "disabled", "test"},
        "act": {"refused", "ended", "expired"},
        "lint": {"nodes", "grids", "people", "gateways", "points"},
        "tree": {"above", "below"},
    }  # fmt: skip
    for section in (
        "view",
        "monitor",
        "ingest",
        "lint",
        "tree",
        "explain",
        "run",
        "replay",
        "act",
        "walktest",
        "acceptance",
        "replace",
        "merge",
    ):
        ours = {f"{section}.{key}" for key in sections("en")[section]}
        by_name = {f"{section}.{key}" for key in chosen_by_name.get(section, ())}
        assert ours - by_name - told == set()


# --- which language --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW"}, "zh"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
    ],
)
def test_the_environment_tells_the_language(environment, language):
    assert words.preferred(environment) == language


def test_words_follow_the_language_at_once():
    words.use("zh")
    assert words.code(2) == "探测器线路断线"
    assert words.conditions(8 | 1) == ["报警", "故障"]
    assert words.listed(["甲", "乙"]) == "甲、乙"
    words.use("en")
    assert words.code(2) == "broken wire to the sensor"


# --- single words ----------------------------------------------------------------------------


def test_a_code_is_told_by_its_number():
    assert words.code(2) == "broken wire to the sensor"
    assert words.code(0) == ""


def test_a_code_of_a_newer_gateway_is_shown_as_a_number():
    assert words.code(77) == "trouble code 77"
    words.use("zh")
    assert words.code(77) == "故障代码 77"


def test_conditions_are_told_gravest_first():
    assert words.conditions(0) == []
    assert words.conditions(8 | 2 | 1) == ["ALARM", "PRE-ALARM", "TROUBLE"]


def test_kinds_and_modes_have_words_and_unknown_ones_stay_as_they_are():
    assert words.kind("leakage") == "electrical leakage"
    assert words.mode("test") == "walk test"
    assert words.kind("radiation") == "radiation"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-1, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172800, "2 d")],
)
def test_a_span_is_told_in_the_unit_that_a_person_would_use(seconds, told):
    assert words.span(seconds) == told
