"""Reads a TOML file that a person wrote; what is wrong with the file itself is one clear line.
Writes the tables of a new one."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firegrid.errors import FiregridError

__all__ = ["read_document", "read_limited", "toml_table"]

MIB_MAX = 1


def read_document(path: Path, known_format: int, what: str) -> dict[str, Any]:
    """Return the tables of a file without its `format`, which must be the known one."""
    row = _parse(path, _read(path, what), what)
    found = row.pop("format", None)
    if found is None:
        raise FiregridError(f"{path}: format: is missing", f"begin with format = {known_format}")
    if found != known_format or not isinstance(found, int) or isinstance(found, bool):
        unknown = f"{path}: format: {found} is unknown; this firegrid reads format {known_format}"
        raise FiregridError(unknown, "install a firegrid that knows it")
    return row


def read_limited(path: Path, mib_max: int, what: str) -> bytes:
    """Return what a file of a person holds; raise where it cannot be read, or is far too large."""
    size_max = mib_max * 1024 * 1024
    try:
        with path.open("rb") as file:
            content = file.read(size_max + 1)
    except OSError as error:
        raise FiregridError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(content) > size_max:
        raise FiregridError(f"{path}: is larger than {mib_max} MiB; that is no {what}")
    return content


def _read(path: Path, what: str) -> str:
    content = read_limited(path, MIB_MAX, what)
    if not content.strip():
        raise FiregridError(f"{path}: is empty; a {what} begins with format = …")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FiregridError(
            f"{path}: line {line}: is not UTF-8 text", "save it as UTF-8"
        ) from None


def _parse(path: Path, text: str, what: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FiregridError(f"{path}: {_syntax(str(error), text)}") from None
    except ValueError:  # what tomllib leaves to int(): thousands of digits
        raise FiregridError(f"{path}: holds a number of absurd size; that is no {what}") from None
    except RecursionError:
        raise FiregridError(f"{path}: is nested too deeply for a {what}") from None


def _syntax(message: str, text: str) -> str:
    """Return the parser's complaint, led by the place in the file."""
    if found := re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL):
        return f"line {found[2]}, column {found[3]}: this is not TOML: {found[1]}"
    reason = message.removesuffix(" (at end of document)")
    lines = text.split("\n")
    place = f"line {len(lines)}, column {len(lines[-1]) + 1}"
    return f"{place}: {reason} at the end of the file; it looks cut off"


def toml_table(table: str, /, **values: Any) -> Iterator[str]:
    """Yield the lines of one [[table]] of several; those of its keys alone where it is ""."""
    if table:
        yield ""
        yield f"[[{table}]]"
    for key, value in values.items():
        yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
