"""What another laptop's folder of a community has and ours lacks: found whole, then written."""

import filecmp
from collections.abc import Iterator
from pathlib import Path

from firegrid.acceptance.replacing import FILE as REPLACED
from firegrid.acceptance.results import NAME as WALKS
from firegrid.errors import FiregridError
from firegrid.merge.entries import join_entries
from firegrid.merge.found import Found, sorted_folder
from firegrid.merge.gateways import join_authority, join_identities, join_images
from firegrid.merge.records import answered, join_boards, join_lines, join_replaced
from firegrid.state import State

__all__ = ["find"]

SIGNED = "acceptance-*"


def find(site: str, own: State, other: State) -> Found:
    """Return all that a merge changes. Raise where the two contradict each other, where something
    is damaged or of an unknown format, or where the other one is no community's folder."""
    _check_folders(own.directory, other)
    for state in (own, other):
        _check_parts(state)
    found = Found(site, own, other)
    join_authority(found)
    join_entries(found, own.people, other.people, "person", "id")
    join_entries(found, own.wifi, other.wifi, "network", "ssid")
    boards = Found(site, own, other)
    with_board = answered(join_boards(boards))
    join_identities(found, with_board)
    join_images(found, with_board)
    found.add(boards)  # who a board is comes after what it is
    join_replaced(found, REPLACED)
    _join_reports(found)
    _join_store(found)
    known = {path.name for path in _known(other)}
    for path in sorted_folder(other.directory):
        if path.name not in known and not path.name.startswith(f"{other.store.name}-"):
            found.note("unknown", path)
    found.refuse_any()
    found.keys_last()
    return found


def _folders(state: State) -> list[Path]:
    return [state.ca, state.identities, state.images, state.reports]


def _files(state: State) -> list[Path]:
    return [state.people, state.wifi, state.boards, state.directory / REPLACED, state.store]


def _known(state: State) -> list[Path]:
    return [*_folders(state), *_files(state)]


def _check_folders(mine: Path, other: State) -> None:
    """They are two, and the other one is a community's."""
    yours = other.directory
    if not yours.exists():
        raise FiregridError(f"{yours}: no such folder", "name the folder of the other laptop")
    for path in (mine, yours):
        if path.exists() and not path.is_dir():
            raise FiregridError(f"{path}: is a file, not a folder", "name a folder")
    if mine == yours:
        raise FiregridError(f"{yours}: is the site's own folder", "name that of the other laptop")
    if mine.is_relative_to(yours) or yours.is_relative_to(mine):
        raise FiregridError(f"{yours} and {mine}: one lies in the other", "put them side by side")
    if not any(path.exists() for path in _known(other)):
        names = ", ".join(path.name for path in _known(other))
        raise FiregridError(f"{yours}: is no community's folder", f"it would have one of {names}")


def _check_parts(state: State) -> None:
    """What a folder holds is what it should be: a file or a folder."""
    for path in _folders(state):
        if path.exists() and not path.is_dir():
            raise FiregridError(f"{path}: is a file, not a folder", "put it aside")
    for path in _files(state):
        if path.exists() and not path.is_file():
            raise FiregridError(f"{path}: is no file", "put it aside")


def _join_reports(found: Found) -> None:
    """Take reports, labels and findings of walk tests. Findings are joined; what was signed is one
    thing only; what can be made anew stays ours."""
    for path in _all_files(found, found.other.reports):
        mine = found.own.reports / path.relative_to(found.other.reports)
        if _in_the_way(found.own.reports, mine):
            found.contradict(f"{path}: is a file, and {mine} cannot be one: something is there")
        elif path.parent == found.other.reports and path.match(WALKS):
            join_lines(found, mine, path)
        elif not mine.exists():
            found.take(path, mine)
        elif not filecmp.cmp(path, mine, shallow=False):
            if path.match(SIGNED):
                found.contradict(f"two different reports have one name: {mine} and {path}")
            else:
                found.note("differs", path)


def _in_the_way(reports: Path, path: Path) -> bool:
    """Whether a folder lies where a file belongs, or a file where a folder does."""
    above = [folder for folder in path.parents if folder.is_relative_to(reports)]
    return path.is_dir() or any(folder.exists() and not folder.is_dir() for folder in above)


def _all_files(found: Found, folder: Path) -> Iterator[Path]:
    """Yield every file in a folder and those below; links to folders are not followed."""
    for path in sorted_folder(folder):
        if path.is_dir() and not path.is_symlink():
            yield from _all_files(found, path)
        elif path.is_file():
            yield path
        else:
            found.note("unknown", path)


def _join_store(found: Found) -> None:
    """Take the desk's store where we have none. Two are never joined, and one that a desk still
    writes to is not whole."""
    mine, yours = found.own.store, found.other.store
    if not yours.exists():
        return
    log = yours.with_name(yours.name + "-wal")
    if mine.exists():
        if not filecmp.cmp(mine, yours, shallow=False):
            found.note("store", yours)
    elif log.exists() and log.stat().st_size:
        found.note("store_open", yours)
    else:
        found.take(yours, mine)
