"""A real HTTP server on this machine that answers as a test's script says."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """What to answer, and what was asked: the headers of each request, in lower case."""

    url: str
    answers: list[Answer]
    requests: list[dict[str, str]] = field(default_factory=list)

    def ranges(self) -> list[str | None]:
        return [request.get("range") for request in self.requests]


@contextmanager
def serving(*answers: Answer) -> Iterator[Server]:
    """A server that gives these answers in turn, the last one again and again."""
    server = Server("", list(answers))
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            with lock:
                index = min(len(server.requests), len(server.answers) - 1)
                server.requests.append({k.lower(): v for k, v in self.headers.items()})
            with contextlib.suppress(ConnectionError):  # the client may have had enough
                server.answers[index](self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def _headed(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"Connection": "close", **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()


def _start(handler: BaseHTTPRequestHandler, marks: dict[str, str]) -> int | None:
    """The byte that a range request starts at, if its condition holds (RFC 9110, 13.1.5)."""
    found = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    condition = handler.headers.get("If-Range")
    if found is None or (condition is not None and condition not in marks.values()):
        return None
    return int(found[1])


def whole(
    data: bytes,
    *,
    ranges: bool = True,
    marks: dict[str, str] | None = None,
    stop_after: int | None = None,
    announced: int | None = None,
    pause_seconds: float = 0.0,
    piece_bytes: int = 2**16,
) -> Answer:
    """The file, or the range that was asked for.

    Args:
        data: The file.
        ranges: Whether ranges are given out.
        marks: Headers ``ETag`` or ``Last-Modified``.
        stop_after: Break off after so many bytes of this answer.
        announced: What Content-Length says instead of the truth.
        pause_seconds: Before each piece.
        piece_bytes: Sent at a time.
    """
    marks = {"ETag": '"one"'} if marks is None else marks

    def answer(handler: BaseHTTPRequestHandler) -> None:
        start = _start(handler, marks) if ranges else None
        if start is not None and start >= len(data):
            _headed(handler, 416, {"Content-Range": f"bytes */{len(data)}", "Content-Length": "0"})
            return
        body = data[start or 0 :]
        headers = {"Content-Length": str(len(body) if announced is None else announced), **marks}
        if start is not None:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        _headed(handler, 200 if start is None else 206, headers)
        body = body[:stop_after]
        for index in range(0, len(body), piece_bytes):
            time.sleep(pause_seconds)
            handler.wfile.write(body[index : index + piece_bytes])

    return answer


def wrong_range(data: bytes, start: int, mark: str = '"one"') -> Answer:
    """Status 206 with another range, or another version, than was asked for."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = data[start:]
        headers = {"Content-Length": str(len(body)), "ETag": mark}
        headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        _headed(handler, 206, headers)
        handler.wfile.write(body)

    return answer


def chunked(data: bytes, *, finished: bool = True, piece_bytes: int = 1000) -> Answer:
    """The file in chunks, its length not told; perhaps without the chunk that ends it."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        _headed(handler, 200, {"Transfer-Encoding": "chunked"})
        for index in range(0, len(data), piece_bytes):
            piece = data[index : index + piece_bytes]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if finished:
            handler.wfile.write(b"0\r\n\r\n")

    return answer


def status(code: int) -> Answer:
    """No file, but a status."""
    return lambda handler: _headed(handler, code, {"Content-Length": "0"})


def redirect(location: str) -> Answer:
    """Another address."""
    return lambda handler: _headed(handler, 302, {"Location": location, "Content-Length": "0"})


def silent(released: threading.Event, before: Answer | None = None) -> Answer:
    """Nothing more, with the connection left open until the test is over."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if before is not None:
            before(handler)
        released.wait(10)

    return answer


def raw(text: bytes) -> Answer:
    """Something that need not be HTTP."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(text)

    return answer
