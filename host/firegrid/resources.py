"""Finds what is not Python: the compiled firmware, the simulated hardware, examples, schemas.

In an installed wheel they lie in data folders inside the packages; in a checkout, where git has
them.
"""

from pathlib import Path

from firegrid.errors import FiregridError

__all__ = [
    "checkout",
    "examples_dir",
    "firmware_dir",
    "hal_dir",
    "scenario_path",
    "schemas_dir",
    "site_path",
]

PACKAGE = Path(__file__).resolve().parent
DATA = PACKAGE / "data"
SIMULATOR_DATA = PACKAGE.parent / "firegrid_sim" / "data"
CHECKOUT = PACKAGE.parents[1]


def checkout() -> Path:
    """Return the root of the checkout; only developers' commands need it."""
    if not (CHECKOUT / "firmware" / "lib").is_dir():
        raise FiregridError("this firegrid is installed, not a checkout", "clone the repository")
    return CHECKOUT


def firmware_dir() -> Path:
    """Return the folder of the compiled firmware, the files that ship."""
    return _first("compiled firmware", DATA / "firmware", CHECKOUT / "build" / "firmware")


def hal_dir() -> Path:
    """Return the folder of the simulated machine, network and so on."""
    return _first("simulated hardware", SIMULATOR_DATA / "hal", CHECKOUT / "simulator" / "hal")


def examples_dir() -> Path:
    """Return the folder of the example communities."""
    return _first("examples folder", DATA / "examples", CHECKOUT / "examples")


def schemas_dir() -> Path:
    """Return the folder of the JSON Schemas."""
    return _first("schemas folder", DATA / "schemas", CHECKOUT / "docs" / "schemas")


def site_path(name: str) -> Path:
    """Return the site file that a user means: a path, or the bare name of a shipped example."""
    return _file_or_example(name, "", "site file")


def scenario_path(name: str) -> Path:
    """Return the scenario that a user means: a path, or the bare name of a shipped one."""
    return _file_or_example(name, "scenarios", "scenario")


def _file_or_example(name: str, folder: str, what: str) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        raise FiregridError(f"{name}: is a folder, not a {what}")
    examples = {found.stem: found for found in (examples_dir() / folder).glob("*.toml")}
    if name in examples:
        return examples[name]
    shipped = ", ".join(sorted(examples)) or "none"
    advice = f"give the path of a file or the name of a shipped one: {shipped}"
    raise FiregridError(f"{name}: no such {what}", advice)


def _first(what: str, *places: Path) -> Path:
    for place in places:
        if place.is_dir():
            return place
    raise FiregridError(f"no {what} in {' or '.join(map(str, places))}", "run `make compile`")
