"""`firegrid site plan`: every part is counted, every label is there, gaps are told."""

import json

import jsonschema
import pytest
from click.testing import CliRunner
from firegrid import cli, words
from firegrid.resources import examples_dir, schemas_dir, site_path
from firegrid.site.lint import warnings
from firegrid.site.load import load_site

SITE = load_site(site_path("jinshui-garden"))


def plan(*arguments):
    done = CliRunner().invoke(cli.main, ["site", "plan", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


def report(*arguments):
    found = json.loads(plan(*arguments, "--json"))
    schema = json.loads((schemas_dir() / "site-plan.schema.json").read_text("utf-8"))
    jsonschema.validate(found, schema)
    return found


@pytest.fixture
def said(tmp_path):
    """The plan of a shipped example, of which nothing is made yet."""
    return report("jinshui-garden", "--state", tmp_path / "none")


def test_every_gateway_gets_its_board_and_every_point_its_sensor(said):
    material = {row["item"]: row for row in said["material"]}
    assert material["ESP32 board with 4 MiB of flash"]["count"] == len(SITE.gateways)
    drivers = tuple(words.section("drivers").values())
    sensors = [row["count"] for item, row in material.items() if item.endswith(drivers)]
    assert sum(sensors) == len(SITE.points)
    assert all(row["count"] == sum(row["gateways"].values()) for row in said["material"])


def test_chips_are_counted_once_an_address(said):
    addresses = {
        (point.gateway, point.input.partition("/")[0])
        for point in SITE.points
        if point.input.startswith("ads1115")
    }
    material = {row["item"]: row["count"] for row in said["material"]}
    assert material["ADS1115 converter module"] == len(addresses) > 0


def test_every_gateway_and_point_gets_one_label(said):
    labels = [(row["what"], row["id"]) for row in said["labels"]]
    wanted = [("gateway", one.id) for one in SITE.gateways]
    wanted += [("point", one.id) for one in SITE.points]
    assert sorted(labels) == sorted(wanted)


def test_what_is_missing_is_told_and_goes_when_it_is_there(said, tmp_path):
    assert {"no-ca", "no-photo"} <= {row["rule"] for row in said["missing"]}
    (tmp_path / "state" / "ca").mkdir(parents=True)
    found = report("jinshui-garden", "--state", tmp_path / "state")
    assert "no-ca" not in {row["rule"] for row in found["missing"]}


@pytest.mark.parametrize("path", sorted(examples_dir().glob("*.toml")), ids=lambda path: path.stem)
def test_a_shipped_example_can_be_planned(path, tmp_path):
    site = load_site(path)
    found = report(path, "--state", tmp_path / "none")
    assert len(found["labels"]) == len(site.gateways) + len(site.points)


def test_nanyuan_is_complete_but_for_its_keys(tmp_path):
    found = report("nanyuan-shops", "--state", tmp_path / "none")
    assert [row["rule"] for row in found["missing"]] == ["no-ca"]
    assert "16 ESP32 board with 4 MiB of flash  (1 for each gateway)" in plan("nanyuan-shops")
    site = load_site(site_path("nanyuan-shops"))
    assert warnings(site) == []
    assert len(site.gateways) == 16
    kinds = {"smoke", "leakage", "gas"}
    assert all({p.kind for p in site.points_of(one.id)} == kinds for one in site.gateways)


def test_a_new_site_says_that_it_has_no_gateways(tmp_path):
    made = tmp_path / "town.toml"
    assert CliRunner().invoke(cli.main, ["site", "new", "taiyuan", str(made)]).exit_code == 0
    assert "[no-gateways]" in plan(made)


def test_people_read_it_in_their_language():
    text = plan("jinshui-garden", "--lang", "zh")
    assert "需采购" in text and "ADS1115 转换模块" in text and "101" in text
