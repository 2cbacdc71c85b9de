"""Keys, identities and images from two laptops: never two of one gateway, and no private key that
its board has already."""

from collections.abc import Iterator, Mapping, Set
from functools import partial
from pathlib import Path

from firegrid.errors import FiregridError
from firegrid.identity import about_keys, certificate_of, is_issued, key_files
from firegrid.image.build import IMAGE, MANIFEST, read_image, read_manifest
from firegrid.image.enrol import ABOUT, CERTIFICATE, KEY, about_of, is_enrolled
from firegrid.merge.found import Found, sorted_folder
from firegrid.state import write_folder

__all__ = ["join_authority", "join_identities", "join_images"]


def join_authority(found: Found) -> None:
    """Take the community's keys, or what we lack of them; there can be one authority alone."""
    own, other = found.own, found.other
    if not other.ca.is_dir():
        return
    found.belongs(other.ca, about_keys(other).get("site"))
    yours = key_files(other)
    _note_rest(found, other.ca, yours)
    if not own.ca.exists():
        found.change("taken", own.ca, partial(_take_folder, own.ca, yours))
        return
    about_keys(own)
    for name, path in yours.items():
        mine = own.ca / name
        if not mine.exists():
            found.take(path, mine)
        elif path.read_bytes() != mine.read_bytes():
            found.contradict(f"the community has two different keys: {mine} and {path}")
            found.refuse_any()  # everything else hangs on them


def join_identities(found: Found, answered: Set[str]) -> None:
    """Take the identities that we lack; without the keys that boards have already."""
    ca = certificate_of(found.own) or certificate_of(found.other)
    for folder in _gateways(found, found.other.identities):
        _join_identity(found, folder, folder.name in answered, ca)
    for name in sorted(answered):
        key = found.own.identities / name / KEY
        if key.exists():
            found.change("key_removed", key, key.unlink)


def _join_identity(found: Found, folder: Path, is_answered: bool, ca: Path | None) -> None:
    name, mine = folder.name, found.own.identities / folder.name
    about = about_of(found.other, name)
    found.belongs(folder, about["site"])
    files = {part: folder / part for part in (ABOUT, CERTIFICATE, KEY)}
    files = {part: path for part, path in files.items() if path.exists() or part != KEY}
    _note_rest(found, folder, files)
    if is_answered and KEY in files:
        del files[KEY]
        found.note("key_there", folder / KEY)
    if not is_enrolled(found.own, name):
        if ca and not is_issued(folder / CERTIFICATE, ca):
            found.contradict(f"{folder / CERTIFICATE}: was not made by the authority {ca}")
        found.change("taken", mine, partial(_take_folder, mine, files))
        return
    same = about_of(found.own, name) == about
    for part, path in files.items():
        if not (mine / part).exists():
            found.take(path, mine / part)
        elif part != ABOUT:
            same = same and path.read_bytes() == (mine / part).read_bytes()
    if not same:
        found.contradict(f"{name}: has two identities: {mine} and {folder}")


def join_images(found: Found, answered: Set[str]) -> None:
    """Take the images that we lack, or that are of a newer configuration."""
    theirs = {folder.name for folder in _gateways(found, found.other.images)}
    for name in sorted(theirs | {folder.name for folder in sorted_folder(found.own.images)}):
        mine, yours = found.own.images / name, found.other.images / name
        is_answered = name in answered
        what = _verdict(found, mine, yours, is_answered) if name in theirs else ""
        if what:
            read_image(yours)  # a damaged one is told before anything is written
            found.change(what, mine, partial(_take_image, yours, mine, is_answered))
        elif is_answered and _holds_identity(mine):
            found.change("key_removed", mine / IMAGE, partial(_take_image, mine, mine, True))


def _verdict(found: Found, mine: Path, yours: Path, is_answered: bool) -> str:
    """Return why the other image is taken, "" where ours stays."""
    other = read_manifest(yours)
    found.belongs(yours, other.get("site"))
    if other.get("gateway") != yours.name:
        raise FiregridError(f"{yours}: is the image of {other.get('gateway')}", "put it aside")
    _note_rest(found, yours, (IMAGE, MANIFEST))
    if is_answered and _holds_identity(yours):
        found.note("key_there", yours / IMAGE)
    if not (mine / MANIFEST).exists():
        return "taken"
    version: int = read_manifest(mine)["config_version"]
    if version < other["config_version"]:
        return "newer"
    if version == other["config_version"]:
        images = [read_image(folder) for folder in (mine, yours)]
        if is_answered:
            images = [image.without_identity() for image in images]
        if images[0].data != images[1].data:
            found.note("image_differs", yours)
    return ""


def _holds_identity(folder: Path) -> bool:
    return (folder / MANIFEST).exists() and read_image(folder).holds_identity


def _gateways(found: Found, folder: Path) -> Iterator[Path]:
    """Yield the folders of gateways; what else lies there is none of ours."""
    for path in sorted_folder(folder):
        if path.is_dir():
            yield path
        else:
            found.note("unknown", path)


def _note_rest(found: Found, folder: Path, known: Mapping[str, Path] | tuple[str, ...]) -> None:
    for path in sorted_folder(folder):
        if path.name not in known:
            found.note("unknown", path)


def _take_folder(folder: Path, files: Mapping[str, Path]) -> None:
    write_folder(folder, {name: path.read_bytes() for name, path in files.items()})


def _take_image(source: Path, folder: Path, is_answered: bool) -> None:
    image = read_image(source)
    (image.without_identity() if is_answered else image).write(folder)
