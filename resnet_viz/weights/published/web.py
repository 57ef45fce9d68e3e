"""Requests by HTTP that cannot hang, and cannot be led away from HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import IO, Final, cast
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

__all__ = ["CONNECT_SECONDS", "STALL_SECONDS", "open_url"]

CONNECT_SECONDS: Final = 10.0
# The longest that a server may say nothing, before its answer or within it.
STALL_SECONDS: Final = 30.0


class _HTTPConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(STALL_SECONDS)


class _HTTPSConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(STALL_SECONDS)


class _HTTPHandler(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_HTTPConnection, req)


class _HTTPSHandler(HTTPSHandler):
    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_HTTPSConnection, req)


class _RedirectHandler(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        # Never to another protocol, nor from an encrypted one to one that is not.
        if urlsplit(newurl).scheme not in ("https", req.type):
            raise HTTPError(req.full_url, code, "redirected to another protocol", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> OpenerDirector:
    """Like `urllib.request.build_opener`, without what reads files and other protocols."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        UnknownHandler(),
        _HTTPHandler(),
        _HTTPSHandler(),
        HTTPDefaultErrorHandler(),
        _RedirectHandler(),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def open_url(url: str, headers: Mapping[str, str]) -> HTTPResponse:
    """The answer to a GET request, after redirections; its body is still to be read.

    Raises:
        HTTPError: The answer's status is not one of success, or it redirects too often, to
            another protocol or out of https.
        URLError: No connection, or a certificate that is not trusted.
        TimeoutError: Nothing came for `STALL_SECONDS`; also while reading the answer.
        OSError: The connection broke; also while reading the answer.
        HTTPException: What came is not HTTP, or ends too early; also while reading the answer.
    """
    request = Request(url, headers={"User-Agent": "resnet_viz", **headers})  # noqa: S310
    return cast(HTTPResponse, _opener().open(request, timeout=CONNECT_SECONDS))
