"""Make .venv ready for `run` or `test` with the exact versions of requirements/*.lock.

Use: python3 tools/setup.py run|test [the make goal, for advice]

Runs under the system's own Python with the standard library alone. Old versions must get as far as
the line that helps them: nothing here is newer than Python 3.6.
"""

import hashlib
import importlib.util
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / "set-up.json"  # what the venv was made from; absent while it is being made
LOCKS = {"run": ["run"], "test": ["test", "typings"]}  # test.lock holds all of run.lock
TYPINGS = ROOT / "typings"  # never in the venv: these stubs would hide CPython's own modules
OLDEST, NEWEST = (3, 11), (3, 14)  # the VM and the broker have wheels for these
SOURCES = "esptool"  # published as sources only
PIP = ["-m", "pip", "--disable-pip-version-check", "install", "--no-deps"]


def say(text: str) -> None:
    """Tell the person; stdout belongs to the command that follows."""
    print(text, file=sys.stderr, flush=True)


def fail(text: str) -> None:
    """End with one line that says what to do."""
    say("firegrid: " + text)
    sys.exit(1)


def refusal(version: tuple, system: str, machine: str, has_venv: bool) -> str:
    """Return the line that says why this machine will not do and what to run; "" if it will."""
    seen = "this is Python {}.{}".format(*version)
    if not OLDEST <= version[:2] <= NEWEST:
        return f"needs Python 3.11 to 3.14, {seen}; {_other_python()}"
    if system == "Windows" or system.startswith(("MSYS", "CYGWIN")):
        return "the simulator runs on Linux x86-64 and macOS; on Windows use WSL: wsl --install"
    if system != "Darwin" and (system, machine) != ("Linux", "x86_64"):
        return (
            f"the simulator runs on Linux x86-64 and macOS, this is {system} {machine}; to plan "
            "and lint sites without it: python3 -m venv .venv && .venv/bin/pip install ."
        )
    if not has_venv:
        package = "python{}.{}-venv".format(*version)
        return (
            f"{seen} without its modules venv and ensurepip; run: sudo apt-get install {package}"
        )
    return ""


def _other_python() -> str:
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        name = f"python3.{minor}"
        found = shutil.which(name)
        if found and subprocess.run([found, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0:
            return f"run: make {' '.join(sys.argv[2:])} PYTHON={name}"
    install = "brew install python@3.13" if sys.platform == "darwin" else "uv python install 3.13"
    return f"install one: {install}"


class Progress:
    """Follows pip's own lines: which package of how many, and how much is downloaded."""

    _SEEN = re.compile(
        r"\s*(?:(?:Downloading|Using cached) (?:\S*/)?(?P<wheel>[^-/\s]+)-[^/\s]+"
        r"\.(?:whl|tar\.gz) \("
        r"|Processing (?:\S*/)?(?P<local>[^-/\s]+)-[^/\s]+\.(?:whl|tar\.gz)"
        r"|Requirement already satisfied: (?P<there>[^=\s]+)"
        r"|Ignoring (?P<foreign>[^:\s]+): markers)"
    )
    _LOCKED = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?:.*# (?P<size>[\d.]+) MB)?")

    def __init__(self, lock: str) -> None:
        locked = [self._LOCKED.match(line) for line in lock.splitlines()]
        self._versions = {_plain(line["name"]): line["version"] for line in locked if line}
        self._sizes = {_plain(line["name"]): float(line["size"] or 0) for line in locked if line}
        self._done: list = []
        self.total_mb = sum(self._sizes.values())
        self.count = len(self._versions)

    def hear(self, line: str) -> str:
        """Return what to tell about pip's `line`, "" for nothing new."""
        match = self._SEEN.match(line)
        name = _plain(next(filter(None, match.groups()))) if match else ""
        if name in self._versions and name not in self._done:
            return self._step(name)
        if line.startswith("Installing collected packages"):
            return f"  unpacking {line.count(',') + 1} packages"
        return ""

    def _step(self, name: str) -> str:
        self._done.append(name)
        done_mb = sum(self._sizes[done] for done in self._done)
        place = f"[{len(self._done):{len(str(self.count))}}/{self.count}]"
        what = f"{name} {self._versions[name]}"
        return f"  {place} {what:38} {done_mb:5.1f} of {self.total_mb:.1f} MB"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(level: str) -> None:
    """Bring .venv to `level`, "run" or "test"; a venv that stands is left alone."""
    has_venv = all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
    why_not = refusal(sys.version_info[:2], platform.system(), platform.machine(), has_venv)
    if why_not:
        fail(why_not)
    base = [str(ROOT), sys.version, sys.base_prefix]
    wanted = {name: _digest(locks) for name, locks in LOCKS.items()}
    stamp = _read_stamp(base)
    if stamp.get(level) == wanted[level]:
        return
    if stamp:
        STAMP.unlink()
    else:  # none, moved, of another Python, or interrupted half-way: nothing in it can be trusted
        _make_venv()
    for lock in LOCKS[level]:
        _install(lock)
    say("  firegrid itself, as an editable install")
    _pip(["--quiet", "--no-build-isolation", "--editable", str(ROOT)])
    stamp.update({name: wanted[name] for name in ("run", level)}, base=base)
    STAMP.write_text(json.dumps(stamp, indent=1))
    say("firegrid: .venv is ready")


def _digest(locks: list) -> str:
    files = [ROOT / "pyproject.toml"] + [_lock(name) for name in locks]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _lock(name: str) -> Path:
    return ROOT / "requirements" / (name + ".lock")


def _read_stamp(base: list) -> dict:
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    usable = stamp.get("base") == base and (VENV / "bin" / "python").exists()
    return stamp if usable else {}


def _make_venv() -> None:
    say(f"firegrid: making {VENV} with Python {platform.python_version()}")
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if made.returncode:
        lines = made.stdout.decode(errors="replace").strip().splitlines() or ["no reason given"]
        fail(f"no virtual environment in {VENV}: {lines[-1]}")


def _install(lock: str) -> None:
    path = _lock(lock)
    progress = Progress(path.read_text())
    say(f"firegrid: {progress.count} packages of {path.relative_to(ROOT)}")
    target = ["--upgrade", "--target", str(TYPINGS)] if lock == "typings" else []
    binary = ["--only-binary", ":all:", "--no-binary", SOURCES]
    _pip([*binary, *target, "--requirement", str(path)], progress.hear)


def _pip(arguments: list, hear=lambda line: "") -> None:
    """Run the venv's pip; tell what `hear` makes of each line, and pip's errors if it fails."""
    command = [str(VENV / "bin" / "python"), *PIP, "--progress-bar", "off", *arguments]
    with tempfile.TemporaryFile("w+") as errors:
        pip = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, universal_newlines=True, cwd=str(ROOT)
        )
        for line in pip.stdout or ():
            told = hear(line)
            if told:
                say(told)
        if pip.wait():
            errors.seek(0)
            say("".join(line for line in errors if not line.startswith("WARNING")).rstrip())
            fail("pip could not install; mend what it says above and run the same command again")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        fail("interrupted; run the same command again")
