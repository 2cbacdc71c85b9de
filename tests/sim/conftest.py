"""What several of these tests need, once for each file or for all of them."""

import pytest
from community import community
from firegrid.state import State
from firegrid_sim.forkserver import ForkServer


@pytest.fixture(scope="module")
def server():
    """A fork server, for boards."""
    one = ForkServer()
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    """The flash of a new board that becomes gw-bakery."""
    site = community(tmp_path_factory.mktemp("community"), "gw-bakery")
    return (State.of(site).images / "gw-bakery" / "image.bin").read_bytes()
