"""A stand-in for the model hub on loopback, which the real `huggingface_hub` asks."""

import hashlib
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import constants

from cood.models.small_clip import save_clip, untrained_clip
from cood.settings import Towers

COMMIT = "c0" * 20


class Hub:
    """Repositories `ORG/NAME` as files by name; `faults` says what goes wrong with a file.

    A fault is "error" (an answer of 500 to each request), "get error" (the same, to the transfer
    alone), "stall" (no byte of the file comes), "broken" (the connection breaks off half-way, each
    time) or "short" (half of the file, said to be all).
    """

    def __init__(self):
        self.repos, self.faults, self.requests = {}, {}, []
        self.over = threading.Event()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self):
                hub.answer(self)

            do_GET = do_HEAD

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def add(self, repo, folder):
        self.repos[repo] = {file.name: file.read_bytes() for file in folder.iterdir()}

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        self.requests.append(f"{request.command} {request.path}")
        org, name, *rest = request.path.partition("?")[0].removeprefix("/api/models")[1:].split("/")
        files = self.repos.get(f"{org}/{name}")
        if files is None:
            return send(request, 404, error="RepoNotFound")
        kind, revision, *place = rest
        if revision not in ("main", COMMIT):
            return send(request, 404, error="RevisionNotFound")
        if kind == "revision":
            siblings = [{"rfilename": file} for file in files]
            known = {"id": f"{org}/{name}", "sha": COMMIT, "siblings": siblings}
            return send(request, 200, json.dumps(known).encode())
        if kind == "tree":
            listed = [
                {"type": "file", "path": file, "size": len(content), "oid": tag(content)}
                for file, content in files.items()
            ]
            return send(request, 200, json.dumps(listed).encode())
        file = "/".join(place)
        if file not in files:
            return send(request, 404, error="EntryNotFound")
        return self.send_file(request, files[file], self.faults.get(file))

    def send_file(self, request, content, fault):
        transfer = request.command == "GET"
        if fault == "error" or (fault == "get error" and transfer):
            return send(request, 500)
        headers = {"ETag": f'"{tag(content)}"'}
        if fault == "short" and transfer:
            content = content[: len(content) // 2]
        if not transfer or fault in (None, "short"):
            return send(request, 200, content, **headers)
        send(request, 200, b"", size=len(content), **headers)
        if fault == "stall":
            self.over.wait(10)
        elif "Range" not in request.headers:  # the first time; later not a byte
            request.wfile.write(content[: len(content) // 2])
        request.close_connection = True
        return None


def tag(content):
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def send(request, status, body=b"", error=None, size=None, **headers):
    request.send_response(status)
    request.send_header("X-Repo-Commit", COMMIT)
    request.send_header("Content-Length", str(len(body) if size is None else size))
    if error:
        request.send_header("X-Error-Code", error)
    for key, value in headers.items():
        request.send_header(key, value)
    request.end_headers()
    if request.command == "GET":
        request.wfile.write(body)


class Harm:
    """Its pickle makes a file when it is loaded without care."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


@pytest.fixture
def harm(tmp_path):
    """Something that must not be loaded, and in `file` what would then exist."""
    return Harm(tmp_path / "harm")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The stand-in in the place of the hub, with nothing kept and no waiting between attempts."""
    hub = Hub()
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    for timeout in ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"):
        monkeypatch.setattr(constants, timeout, 0.2)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    yield hub
    hub.close()


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Folder of a small CLIP with random weights, as open_clip reads it from folders and hub."""
    folder = tmp_path_factory.mktemp("saved")
    save_clip(untrained_clip(Towers(image_tower="resnet"), seed=5), folder)
    return folder
