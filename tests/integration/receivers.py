"""What a notice is sent to: a webhook and a mail server of the test's own, which may be down, slow or unwilling."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Webhook:
    """A webhook on a port that stays the same while it is down."""

    got: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    pause_s: float = 0.0
    port: int = 0
    _server: ThreadingHTTPServer | None = None

    def up(self) -> None:
        """Answer."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(outer.pause_s)
                if outer.status == 200:
                    outer.got.append({"path": self.path, **body})
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def titles(self) -> list[str]:
        """Of what was taken."""
        return [one["title"] for one in self.got]


@dataclass
class MailServer:
    """Takes mail by SMTP."""

    got: list[str] = field(default_factory=list)
    port: int = 0
    _server: socketserver.ThreadingTCPServer | None = None

    def up(self) -> None:
        """Answer."""
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 test")
                while line := self.rfile.readline().decode("utf-8", "replace").strip():
                    word = line.split(" ")[0].upper()
                    if word == "DATA":
                        self._say("354 go on")
                        lines = []
                        while (text := self.rfile.readline().decode("utf-8", "replace").rstrip("\r\n")) != ".":
                            lines.append(text)
                        outer.got.append("\n".join(lines))
                        self._say("250 taken")
                    elif word == "QUIT":
                        self._say("221 bye")
                        return
                    else:
                        self._say("250 yes")

            def _say(self, words: str) -> None:
                self.wfile.write(f"{words}\r\n".encode())

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
