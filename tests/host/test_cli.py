"""The `firegrid` command: what it lists, what it imports, how it refuses."""

import json
import re
import subprocess
import sys
from importlib.metadata import EntryPoint

import jsonschema
import pytest
from click.testing import CliRunner
from firegrid import __version__, cli, resources
from firegrid.errors import FiregridError

SITES = resources.checkout() / "tests" / "host" / "sites"
HEAVY = {"micropython_module", "iotcore", "sqlalchemy", "paho", "rich", "firegrid_sim"}


def run(*arguments):
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    """Return a function that makes a command `broken` whose module or body is the given code."""
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("broken", "broken_plug_in:command", cli.PLUG_INS)
    monkeypatch.setattr(cli, "_plug_ins", lambda: {"broken": point})

    def make(body, head=""):
        source = f"import click\n{head}\n@click.command()\ndef command():\n    {body}\n"
        (tmp_path / "broken_plug_in.py").write_text(source)
        sys.modules.pop("broken_plug_in", None)
        return run("broken")

    yield make
    sys.modules.pop("broken_plug_in", None)


def schema(name):
    return json.loads((resources.schemas_dir() / f"{name}.schema.json").read_text())


# --- help ------------------------------------------------------------------------------------


def test_help_groups_the_commands_by_who_uses_them():
    text = run("--help").output
    groups = dict(re.findall(r"^(Plan|Desk|Develop):\n((?:  .*\n)+)", text, re.MULTILINE))
    names = {group: re.findall(r"^  (\S+)", rows, re.MULTILINE) for group, rows in groups.items()}
    assert names == {
        "Plan": ["site", "ca"],
        "Desk": ["monitor", "command", "audit"],
        "Develop": ["run", "replay", "sim", "driver", "deploy"],
    }
    assert "never replaces" in text


def test_every_listed_command_has_a_group_and_one_full_sentence():
    for name, row in cli.COMMANDS.items():
        assert row.group in cli.GROUPS, name
        assert re.fullmatch(r"[A-Z].*\.", row.summary), name


def test_a_command_of_another_package_is_listed_without_importing_it(monkeypatch):
    point = EntryPoint("survey", "no_such_module:command", cli.PLUG_INS)
    monkeypatch.setattr(cli, "_plug_ins", lambda: {"survey": point})
    done = run("--help")
    assert done.exit_code == 0
    assert re.search(r"^Plug-ins:\n  survey  From no_such_module\.", done.output, re.MULTILINE)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["site", "lint", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments):
    code = "import sys; from firegrid.cli import main\n"
    code += f"main({arguments}, standalone_mode=False)\n"
    code += f"print(sorted({HEAVY} & {{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("environment", "options", "told"),
    [
        ({}, [], "warning: "),
        ({"LC_ALL": "zh_CN.UTF-8"}, [], "警告："),
        ({"LC_ALL": "zh_CN.UTF-8"}, ["--lang", "en"], "warning: "),
        ({}, ["--lang", "zh"], "警告："),
    ],
)
def test_the_language_is_asked_for_or_the_environments(monkeypatch, environment, options, told):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(*options, "site", "lint", "jinshui-garden").stdout.startswith(told)
    assert run("site", "lint", "jinshui-garden", *options).stdout.startswith(told)


def test_a_language_that_there_is_none_of_is_a_usage_error():
    done = run("--lang", "tlh", "site", "lint", "jinshui-garden")
    assert done.exit_code == 2
    assert "'en', 'zh'" in done.stderr


def test_every_command_that_shows_words_takes_a_language():
    for command in (["site", "lint"], ["site", "tree"], ["site", "explain"], ["monitor"], ["run"]):
        assert "--lang [en|zh]" in run(*command, "--help").output, command
    assert "--lang [en|zh]" in run("replay", "--help").output


def test_the_tree_in_chinese():
    text = run("site", "tree", "jinshui-garden", "--lang", "zh").stdout
    (line,) = [line for line in text.splitlines() if "404 hydrant-block-18" in line]
    assert line.endswith(
        "消火栓压力，ratiometric 接 ads1115@0x48/2， 报警 低于 100 kPa、监管 低于 150 kPa、"
        "监管 高于 1000 kPa"
    )
    assert "网格长 leader-01，网格员 member-01" in text and "社区 " in text


def test_lint_does_not_import_rich():
    code = "import sys; from firegrid.cli import main\n"
    code += "main(['site', 'lint', 'jinshui-garden'], standalone_mode=False)\n"
    code += "sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_version_is_told():
    assert run("--version").output == f"firegrid, version {__version__}\n"


def test_python_m_firegrid_is_the_same_command():
    command = [sys.executable, "-m", "firegrid", "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: firegrid [OPTIONS]")


# --- how it refuses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [["no-such"], ["site", "lint"], ["site", "lint", "--colour"]]
)
def test_a_usage_error_ends_with_2(arguments):
    assert run(*arguments).exit_code == 2


def test_a_mistake_of_a_person_ends_with_1_and_one_line_each():
    path = SITES / "wrong-unit-in-a-key.toml"
    done = run("site", "lint", path)
    assert done.exit_code == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"firegrid: {path}: point 104 (gas-kitchen): ") for line in lines)


def test_debug_shows_where_a_mistake_was_found(monkeypatch):
    monkeypatch.setenv("FIREGRID_DEBUG", "1")
    done = run("site", "lint", SITES / "not-toml.toml")
    assert isinstance(done.exception, FiregridError)


def test_an_unknown_site_names_the_shipped_ones():
    done = run("site", "lint", "jinshui")
    assert done.exit_code == 1
    assert done.stderr == (
        "firegrid: jinshui: no such site file; "
        "give the path of a file or the name of a shipped one: baisheng-garden, jinshui-garden, "
        "nanyuan-shops\n"
    )


def test_a_folder_is_no_site_file(tmp_path):
    assert (
        run("site", "tree", tmp_path).stderr
        == f"firegrid: {tmp_path}: is a folder, not a site file\n"
    )


def test_ctrl_c_ends_with_130(plug_in):
    done = plug_in("raise KeyboardInterrupt")
    assert (done.exit_code, done.output) == (130, "")


@pytest.mark.parametrize(
    ("package", "extra"),
    [("paho", "desk"), ("sqlalchemy", "desk"), ("micropython_module", "sim"), ("iotcore", "sim")],
)
def test_a_missing_extra_says_what_to_install(plug_in, monkeypatch, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    done = plug_in("pass", head=f"import {package}")
    assert done.exit_code == 1
    install = f"install it with: pip install 'firegrid[{extra}]'"
    assert done.stderr == f"firegrid: {package} is missing; {install}\n"


def test_a_missing_package_names_the_extra_that_brings_all_of_the_command(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "run_without_paho.py").write_text("import paho\n")
    point = EntryPoint("run", "run_without_paho:command", cli.PLUG_INS)
    monkeypatch.setattr(cli, "_plug_ins", lambda: {"run": point})
    monkeypatch.setitem(sys.modules, "paho", None)
    install = "install it with: pip install 'firegrid[sim]'"
    assert run("run", "jinshui-garden").stderr == f"firegrid: paho is missing; {install}\n"


def test_a_host_without_the_simulator_says_what_to_install(monkeypatch):
    monkeypatch.setattr(cli, "_plug_ins", dict)
    done = run("run", "jinshui-garden")
    assert done.exit_code == 1
    install = "install it with: pip install 'firegrid[sim]'"
    assert done.stderr == f"firegrid: `run` is not installed; {install}\n"


def test_a_file_that_cannot_be_written_is_one_line(plug_in):
    done = plug_in("open('/no-such-folder/report', 'w')")
    assert done.exit_code == 1
    assert done.stderr == "firegrid: /no-such-folder/report: No such file or directory\n"


@pytest.mark.parametrize(
    ("body", "head"),
    [("raise ValueError('our mistake')", ""), ("pass", "import no_such_package_of_ours")],
)
def test_a_mistake_of_ours_is_not_hidden(plug_in, body, head):
    done = plug_in(body, head)
    assert isinstance(done.exception, ValueError | ModuleNotFoundError)


def test_a_terminal_that_lacks_chinese_still_shows_the_tree():
    command = [sys.executable, "-m", "firegrid", "site", "tree", "jinshui-garden"]
    done = subprocess.run(command, capture_output=True, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert b"Jinshui Garden (????)" in done.stdout


# --- site lint and site tree -----------------------------------------------------------------


def test_lint_tells_warnings_and_counts():
    done = run("site", "lint", "jinshui-garden")
    assert done.exit_code == 0
    blind, learnt, verdict = done.stdout.splitlines()
    assert blind.startswith("warning: jinshui-garden: 7 of 11 grids have no point: grid-02, ")
    assert learnt.startswith("warning: point 203 (gas-flat-6-302): clean_air_ohm is learnt")
    assert verdict.endswith(
        "jinshui-garden.toml: no errors, warnings: 2; "
        "5 nodes, 11 grids, 22 people, 4 gateways, 20 points"
    )


@pytest.mark.parametrize(("site", "code"), [("jinshui-garden", 0), (SITES / "not-toml.toml", 1)])
def test_lint_as_json_keeps_its_schema_for_good_and_bad_files(site, code):
    done = run("site", "lint", site, "--json")
    assert done.exit_code == code
    report = json.loads(done.stdout)
    jsonschema.validate(report, schema("site-lint"))
    assert report["ok"] is (code == 0)
    assert len(report["errors"]) == code


def test_tree_as_json_keeps_its_schema():
    done = run("site", "tree", "jinshui-garden", "--json")
    assert done.exit_code == 0
    jsonschema.validate(json.loads(done.stdout), schema("site-tree"))


def test_tree_shows_each_point_on_a_line_with_place_wiring_and_levels():
    text = run("site", "tree", "jinshui-garden").stdout
    (line,) = [line for line in text.splitlines() if "404 hydrant-block-18" in line]
    assert line.endswith(
        "hydrant pressure, ratiometric at ads1115@0x48/2: "
        "ALARM below 100 kPa, SUPERVISORY below 150 kPa, SUPERVISORY above 1000 kPa"
    )
    assert "\x1b" not in text


# --- where things lie ------------------------------------------------------------------------


def test_a_path_wins_over_a_shipped_name(tmp_path, monkeypatch):
    (tmp_path / "jinshui-garden").write_text("format = 1\n")
    monkeypatch.chdir(tmp_path)
    assert str(resources.site_path("jinshui-garden")) == "jinshui-garden"


def test_packaged_data_is_taken_before_the_checkout(tmp_path, monkeypatch):
    for name, find in [
        ("firmware", resources.firmware_dir),
        ("examples", resources.examples_dir),
        ("schemas", resources.schemas_dir),
    ]:
        (tmp_path / name).mkdir()
        monkeypatch.setattr(resources, "DATA", tmp_path)
        assert find() == tmp_path / name
    (tmp_path / "hal").mkdir()
    monkeypatch.setattr(resources, "SIMULATOR_DATA", tmp_path)
    assert resources.hal_dir() == tmp_path / "hal"


def test_firmware_that_was_never_compiled_says_how(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "CHECKOUT", tmp_path)
    with pytest.raises(FiregridError, match=r"no compiled firmware in .*; run `make compile`"):
        resources.firmware_dir()
    with pytest.raises(FiregridError, match="not a checkout; clone the repository"):
        resources.checkout()
