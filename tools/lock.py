"""Write requirements/*.lock: the newest exact versions that pyproject.toml allows, with sizes.

The sizes are those of this machine's wheels; tools/setup.py reads them to say how far it is.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"
RUN = ["pyproject.toml", "--extra", "sim", "--group", "build"]
TEST = [*RUN, "--extra", "labels", "--extra", "flash", "--extra", "boards", "--group", "test"]
SOURCES = "esptool"  # published as sources only; tools/setup.py says the same
LOCKS = {
    "run": RUN,
    "test": [*TEST, "--constraints", "requirements/run.lock"],
    "typings": ["--group", "typings"],
}
HEADER = "# Exact versions for `make setup`; written by `make lock` from pyproject.toml.\n"


def resolve(arguments: list[str]) -> list[str]:
    """Return one `name==version` line, with its marker, per package."""
    command = [_uv(), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += ["--no-annotate", "--no-header", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def _uv() -> str:
    found = shutil.which("uv", path=Path(sys.executable).parent) or shutil.which("uv")
    if found is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
        return _uv()
    return found


def sizes_mb(requirements: list[str]) -> dict[str, float]:
    """Download what `requirements` name and return the size of each by its plain name."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text("\n".join(requirements))
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += [
            "--only-binary",
            ":all:",
            "--no-binary",
            SOURCES,
            "--dest",
            folder,
            "--requirement",
            str(wanted),
        ]
        subprocess.run(command, check=True)
        files = [path for path in Path(folder).iterdir() if path != wanted]
        return {_plain(path.name.split("-")[0]): path.stat().st_size / 1e6 for path in files}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Write every lock, telling which."""
    for name, arguments in LOCKS.items():
        requirements = resolve(arguments)
        sizes = sizes_mb(requirements)
        lines = []
        for line in requirements:
            size_mb = sizes.get(_plain(line.split("==")[0]))
            lines.append(line if size_mb is None else f"{line}  # {size_mb:.2f} MB")
        (FOLDER / f"{name}.lock").write_text(HEADER + "\n".join(lines) + "\n")
        total_mb = sum(sizes.values())
        print(f"{name}.lock: {len(lines)} packages, {total_mb:.0f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
