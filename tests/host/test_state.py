"""The private folder beside a site file."""

import stat

import pytest
from firegrid.errors import FiregridError
from firegrid.state import State


def test_it_lies_beside_the_site_file(tmp_path):
    site = tmp_path / "garden.toml"
    assert State.of(site).directory == tmp_path / "garden.firegrid"
    assert State.of(site, tmp_path / "elsewhere").directory == tmp_path / "elsewhere"


def test_it_is_for_its_owner_alone_and_not_for_git(tmp_path):
    directory = State.of(tmp_path / "garden.toml").make().make().directory
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert (directory / ".gitignore").read_text() == "*\n"


def test_a_file_in_its_place_is_told(tmp_path):
    (tmp_path / "garden.firegrid").write_text("")
    with pytest.raises(FiregridError, match="is a file, not a folder"):
        State.of(tmp_path / "garden.toml").make()
