"""MicroPython is fetched once, and only the one that is meant; a server of our own stands in."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from community import PASSPHRASE
from firegrid.errors import FiregridError
from firegrid.image import fetch
from firegrid_sim.standin import stand_in
from installer import run

DATA = stand_in("1.28.0", app_bytes=100_000)


class Server:
    def __init__(self):
        self.data, self.status, self.asked = DATA, 200, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(outer.data)

            def log_message(self, *_):
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/{fetch.NAME}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server(monkeypatch):
    one = Server()
    monkeypatch.setattr(fetch, "URL", one.url)
    monkeypatch.setattr(fetch, "SHA256", hashlib.sha256(DATA).hexdigest())
    monkeypatch.setattr(fetch, "SIZE", len(DATA))
    yield one
    one.http.shutdown()
    one.http.server_close()


def test_it_is_fetched_once_and_a_damaged_copy_is_fetched_anew(server, tmp_path):
    told = []
    path = fetch.fetched(tmp_path, lambda done, size: told.append((done, size)))
    assert path.read_bytes() == DATA and told[-1] == (len(DATA), len(DATA))
    assert fetch.fetched(tmp_path, print) == path and server.asked == 1
    path.write_bytes(DATA[:-1])
    assert fetch.fetched(tmp_path, lambda *_: None).read_bytes() == DATA and server.asked == 2


@pytest.mark.parametrize("data", [b"<html>log in</html>", DATA[:-1], DATA + b"x", DATA[1:] + b"x"])
def test_what_is_something_else_is_refused_and_not_kept(server, tmp_path, data):
    server.data = data
    with pytest.raises(FiregridError, match=r"is not MicroPython 1\.28\.0"):
        fetch.fetched(tmp_path, lambda *_: None)
    assert not list(tmp_path.iterdir())


def test_without_an_answer_it_says_what_to_do(server, tmp_path):
    server.status = 404
    with pytest.raises(FiregridError, match=r"cannot be fetched.*--micropython FILE"):
        fetch.fetched(tmp_path, lambda *_: None)
    server.http.server_close()
    with pytest.raises(FiregridError, match="cannot be fetched"):
        fetch.fetched(tmp_path, lambda *_: None)


def test_provision_fetches_it_where_none_is_named(server, tmp_path):
    (tmp_path / "pass").write_text(PASSPHRASE)
    site = tmp_path / "street.toml"
    assert run("site", "new", "zhengzhou", site, "--id", "s", "--name", "S").exit_code == 0
    text = site.read_text() + (
        '\n[[gateway]]\nid = "gw-1"\ngrid = "grid-1"\nplace = "Here"\n'
        '\n[[point]]\nnumber = 1\nkind = "smoke"\ngateway = "gw-1"\nplace = "P"\n'
        'input = "gpio34"\n'
    )
    site.write_text(text)
    assert run("ca", "init", site, "--passphrase-file", tmp_path / "pass").exit_code == 0
    done = run("provision", site, "--broker", "desk", "--passphrase-file", tmp_path / "pass")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "street.firegrid" / "micropython" / fetch.NAME).read_bytes() == DATA
