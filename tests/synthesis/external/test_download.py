import hashlib
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cood.errors import CoodError
from cood.settings import ReleaseSet
from cood.synthesis.external import download
from cood.synthesis.external.download import fetch


class Server(HTTPServer):
    """Serves `content`; `faults` are lengths after which the line breaks, one a request."""

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.faults, self.asked = content, [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/release.zip"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        content, wanted = self.server.content, self.headers.get("Range")
        self.server.asked.append(wanted)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = self.server.faults.pop(0) if self.server.faults else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, *given):
        pass


@pytest.fixture
def server(tmp_path):
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("red apple/1.png", bytes(range(256)) * 4000)
    found = Server((tmp_path / "made.zip").read_bytes())
    thread = threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


def release(**given):
    return ReleaseSet(source="release", file="x.zip", **given)


def test_a_download_is_complete_and_done_once(tmp_path, server):
    path, said = tmp_path / "data" / "release.zip", []
    digest = hashlib.sha256(server.content).hexdigest()
    for _ in range(2):
        fetch(release(url=server.url, sha256=digest), path, said.append)
    assert path.read_bytes() == server.content
    assert len(said) == len(server.asked) == 1
    assert [p.name for p in path.parent.iterdir()] == ["release.zip"]


def test_an_interrupted_download_is_resumed(tmp_path, server, monkeypatch):
    server.faults = [700_000]
    path = tmp_path / "release.zip"
    monkeypatch.setattr(download, "RETRIES", 0)
    with pytest.raises(CoodError, match="run again to resume the download") as caught:
        fetch(release(url=server.url), path)
    assert "\n" not in str(caught.value)
    assert not path.exists()
    fetch(release(url=server.url), path)
    assert path.read_bytes() == server.content
    # Whole chunks of 512 KB are kept, and only the rest is asked for.
    first, *_, last = server.asked
    assert first is None
    assert last == "bytes=524288-"


def test_files_that_are_not_the_release_are_refused(tmp_path, server):
    path = tmp_path / "release.zip"
    with pytest.raises(CoodError, match=r"has the SHA-256 .* not 0000.* delete it to download it"):
        fetch(release(url=server.url, sha256="0" * 64), path)
    server.content = b"<html>Too many users have viewed or downloaded this file recently</html>"
    with pytest.raises(CoodError, match="is not a zip archive: the server may have sent a page"):
        fetch(release(url=server.url), tmp_path / "page.zip")


def test_a_missing_server_is_reported(tmp_path, server, monkeypatch):
    server.content = None
    with pytest.raises(CoodError, match=r"release\.zip") as caught:
        fetch(release(url=server.url), tmp_path / "release.zip")
    monkeypatch.setattr(download, "RETRIES", 0)
    with pytest.raises(CoodError, match="cannot be downloaded"):
        fetch(release(url="http://127.0.0.1:9/x.zip"), tmp_path / "x.zip")
    assert "\n" not in str(caught.value)


def test_without_an_address_the_error_says_what_to_do(tmp_path):
    with pytest.raises(CoodError, match="put the release there, or give its `url`"):
        fetch(release(), tmp_path / "release.zip")
    (tmp_path / "folder").mkdir()
    fetch(release(), tmp_path / "folder")  # a folder is taken as it is
    assert list((tmp_path / "folder").iterdir()) == []
