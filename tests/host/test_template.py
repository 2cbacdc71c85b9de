"""A new site file from a template: it loads, its ratios are the template's, nothing is lost."""

import pytest
from click.testing import CliRunner
from firegrid import cli
from firegrid.site.lint import warnings
from firegrid.site.load import load_site
from firegrid.site.template import read_template, site_text, templates

OWN = """\
format = 1
title = "Own"
source = "ours"
[[level]]
kind = "community"
name = "Community"
[grid]
name = "Grid"
each = 3
households = 400
residents = 1700
[[worker]]
id = "leader"
roles = ["grid-leader"]
[[worker]]
id = "member"
roles = ["grid-member", "fire-safety-officer"]
"""


def firegrid(*arguments):
    return CliRunner().invoke(cli.main, ["site", *map(str, arguments)])


@pytest.mark.parametrize("name", templates())
def test_a_new_site_loads_and_fits_but_for_its_points(name, tmp_path):
    path = tmp_path / "old-town.toml"
    done = firegrid("new", name, path, "--name", "Old Town (老城)")
    assert done.exit_code == 0, done.output
    site = load_site(path)
    assert (site.id, site.name) == ("old-town", "Old Town (老城)")
    assert {finding.rule for finding in warnings(site)} == {"blind-spots"}
    assert f"{len(site.grids)} grids" in done.stdout
    assert [found.name for found in tmp_path.iterdir()] == ["old-town.toml"]


def test_the_ratios_are_the_templates():
    text = site_text(read_template("zhengzhou"), "a", "A")
    assert text.count('kind = "studio"') == 4 and text.count("[[grid]]") == 8
    assert text.count("[[person]]") == 24 and text.count("households = 400") == 8


def test_a_template_may_be_ones_own(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(OWN)
    done = firegrid("new", own, tmp_path / "site.toml", "--id", "yard")
    assert done.exit_code == 0, done.output
    assert len(load_site(tmp_path / "site.toml").grids) == 3


def test_a_file_that_is_there_is_never_written_over(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text("mine")
    done = firegrid("new", "zhengzhou", path)
    assert done.exit_code == 1 and "is there already" in done.stderr
    assert path.read_text() == "mine"
    assert [found.name for found in tmp_path.iterdir()] == ["site.toml"]


def test_the_list_names_every_template():
    done = firegrid("new", "--list")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(templates())


@pytest.mark.parametrize(
    ("was", "becomes", "why"),
    [
        ('"community"', '"castle"', "castle"),
        ("each = 3", "each = 0", "each"),
        ("each = 3", "each = 5001", "each"),
        ('["grid-leader"]', '["installer"]', "grid-leader is missing"),
        ('"fire-safety-officer"', '"king"', "king is none of"),
        ("[[level]]", "[[story]]", "story"),
        ("format = 1", "format = 2", "format"),
        ("format = 1", "format = ", "this is not TOML"),
    ],
)
def test_a_broken_template_is_one_clear_error(was, becomes, why, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(OWN.replace(was, becomes))
    done = firegrid("new", own, tmp_path / "site.toml")
    assert done.exit_code == 1 and why in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "site.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("new", "atlantis", "x.toml"), "there are: four-level, taiyuan, zhengzhou"),
        (("new", "zhengzhou", "/no/such/folder/x.toml"), "no such folder"),
        (("new", "zhengzhou", "x.toml", "--id", "Old Town"), "is not an id"),
    ],
)
def test_what_cannot_be_is_told(arguments, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = firegrid(*arguments)
    assert done.exit_code == 1 and why in done.stderr
    assert not list(tmp_path.iterdir())
