"""A trace as `firegrid replay` reads it: one line of column names, then numbers."""

from collections.abc import Iterable, Sequence
from pathlib import Path


def write_table(path: Path, columns: dict[str, int], rows: Iterable[Sequence[float]]) -> Path:
    """Write a CSV file; `columns` says how many decimals each has. Return the path."""
    lines = [",".join(columns)]
    for row in rows:
        cells = zip(row, columns.values(), strict=True)
        lines.append(",".join(f"{value:.{decimals}f}" for value, decimals in cells))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path
