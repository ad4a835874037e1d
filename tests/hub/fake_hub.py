"""A hub on this machine: the few routes of huggingface.co that downloads use, over repositories made of bytes.

``with FakeHub({"owner/name": {"config.json": b"{}"}}) as hub: resolve("owner/name", endpoint=hub.url, ...)``. Data sets
are keyed "datasets/owner/name". ``hub.requests`` lists what was asked for, as "GET /path".
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Every repository has one commit, COMMIT, on main and on ``refs/pr/1``.

    ``gated`` repositories show their listing and give no file; ``status`` answers every request with an error;
    ``before_file(name)`` is called between the head and the bytes of a file.
    """

    def __init__(
        self,
        repositories: dict[str, dict[str, bytes]],
        *,
        gated: tuple[str, ...] = (),
        status: int | None = None,
        before_file: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.repositories, self.gated, self.status, self.before_file = repositories, gated, status, before_file
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeHub:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, target: str) -> tuple[int, dict[str, str], bytes, str | None]:
        """Status, headers, body and, for a file, its name."""
        if self.status is not None:
            return self.status, {}, b"", None
        parts = urlsplit(target)
        path = unquote(parts.path).strip("/")
        for name, files in self.repositories.items():
            api = f"api/{name if name.startswith('datasets/') else f'models/{name}'}"
            if path.startswith(f"{api}/tree/"):
                return 200, {}, json.dumps([_entry(file, content) for file, content in files.items()]).encode(), None
            if path == api or path.startswith(f"{api}/revision/"):
                return self._info(name, files, path.removeprefix(api).removeprefix("/revision/"), parse_qs(parts.query))
            if path.startswith(f"{name}/resolve/{COMMIT}/"):
                return self._file(name, files, path.removeprefix(f"{name}/resolve/{COMMIT}/"))
        return 401, {"X-Error-Code": "RepoNotFound"}, b"", None

    def _info(
        self, name: str, files: dict[str, bytes], revision: str, query: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes, None]:
        if revision not in ("", "main", "refs/pr/1", COMMIT):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"", None
        siblings = [
            {"rfilename": file} | ({"size": len(content)} if "blobs" in query else {})
            for file, content in files.items()
        ]
        told = {"id": name.removeprefix("datasets/"), "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}
        return 200, {}, json.dumps(told).encode(), None

    def _file(self, name: str, files: dict[str, bytes], file: str) -> tuple[int, dict[str, str], bytes, str | None]:
        if name in self.gated:
            return 403, {"X-Error-Code": "GatedRepo"}, b"", None
        if file not in files:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b"", None
        etag = hashlib.sha256(files[file]).hexdigest()
        return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'}, files[file], file

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._reply(with_body=True)

            def do_HEAD(self) -> None:
                self._reply(with_body=False)

            def _reply(self, with_body: bool) -> None:
                hub.requests.append(f"{self.command} {self.path}")
                status, headers, body, file = hub.answer(self.command, self.path)
                self.send_response(status)
                for key, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(key, value)
                self.end_headers()
                if with_body:
                    if file is not None:
                        hub.before_file(file)
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _entry(file: str, content: bytes) -> dict[str, object]:
    return {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
