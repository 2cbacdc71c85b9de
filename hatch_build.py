"""The wheel's data: the compiled firmware, the simulator's HAL, the examples and the schemas."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Folder, what of it ships, and where in the wheel. Never `*`: beside a site file lie its secrets.
DATA = [
    ("build/firmware", "*.mpy", "firegrid/data/firmware"),
    ("simulator/hal", "*.py", "firegrid_sim/data/hal"),
    ("examples", "*.toml", "firegrid/data/examples"),
    ("examples", "*.csv", "firegrid/data/examples"),
    ("docs/schemas", "*.json", "firegrid/data/schemas"),
]


class CustomBuildHook(BuildHookInterface):
    """Compiles first; an editable install reads everything from the checkout and needs nothing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add what DATA names to a wheel."""
        if version == "editable":
            return
        root = Path(self.root)
        runpy.run_path(str(root / "tools" / "compile.py"))["compile_all"]()
        for folder, pattern, place in DATA:
            for path in (root / folder).rglob(pattern):
                inside = path.relative_to(root / folder)
                if not any(part.endswith(".firegrid") for part in inside.parts):
                    build_data["force_include"][str(path)] = f"{place}/{inside.as_posix()}"
