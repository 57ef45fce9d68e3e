"""One published file from its server: resumed, tried again, and checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from ssl import SSLCertVerificationError
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from resnet_viz.errors import WeightsError
from resnet_viz.units import si
from resnet_viz.weights.published import web
from resnet_viz.weights.published.imagenet import URL_VARIABLE, WeightsFile
from resnet_viz.weights.published.partial_file import CHUNK_BYTES, PartialFile

__all__ = ["RETRIES", "RETRY_SECONDS", "Progress", "download"]

RETRIES: Final = 2  # of a download that breaks off, each from where the one before ended
RETRY_SECONDS: Final = 1.0  # between them

# Called with the bytes that are here, and those of the whole file.
Progress = Callable[[int, int], None]

# How far a file may exceed its published, rounded size.
_EXCESS: Final = 1.1


class _BrokenOffError(Exception):
    """The connection ended before the file; another attempt may go on from there."""


def download(file: WeightsFile, folder: Path, report: Progress) -> Path:
    """Bring a file into a folder, in the place of any other of its name.

    Hold the file's lock, so that nobody else does the same.

    Args:
        file: What to bring.
        folder: Where to; it exists.
        report: Told of every piece that comes; what it raises ends the download.

    Returns:
        The path of the file, whose SHA-256 begins as published.

    Raises:
        WeightsError: It cannot be downloaded or kept, in one sentence with a way out. What has
            come stays for the next time, unless it is wrong.
    """
    return _Download(file, folder, report).run()


class _Download:
    def __init__(self, file: WeightsFile, folder: Path, report: Progress) -> None:
        self.file, self.report, self.url = file, report, file.url
        self.host = urlsplit(self.url).netloc
        self.most_bytes = int(file.about_bytes * _EXCESS)
        self.by_hand = (
            f"put {file.name} into {folder} by hand, or choose random or patterns weights"
        )
        self.part = PartialFile(folder / file.name)
        if self.part.size > self.most_bytes:
            self.part.clear()

    def run(self) -> Path:
        for retries_left in reversed(range(RETRIES + 1)):
            # A whole file has come if a process was ended just before renaming it.
            if self._is_published():
                break
            try:
                self._receive()
                break
            except _BrokenOffError as error:
                if not retries_left:
                    raise self._ended("when the connection broke off") from error
                time.sleep(RETRY_SECONDS)
        if not self._is_published():
            raise self._wrong(
                f"its SHA-256 begins with {self.part.sha256[: len(self.file.sha256_prefix)]}, not "
                f"{self.file.sha256_prefix}"
            )
        self.part.finish()
        return self.part.target

    def _is_published(self) -> bool:
        return self.part.sha256.startswith(self.file.sha256_prefix)

    def _receive(self) -> None:
        """Ask for what is missing, and keep what comes.

        Raises:
            _BrokenOffError: It ended too early.
        """
        self.part.require_space(self.file.about_bytes)
        with self._answer() as answer, self.part.appending() as append:
            # An answer in chunks does not say its length, but it has an end of its own.
            total = None if answer.length is None else self.part.size + answer.length
            self._require_fitting(total or 0)
            self._report(total)
            for chunk in self._chunks(answer):
                self._require_fitting(self.part.size + len(chunk))
                append(chunk)
                self._report(total)
        if total is None:
            self._report(self.part.size)
        elif self.part.size < total:
            raise _BrokenOffError

    def _report(self, total: int | None) -> None:
        size = self.part.size
        self.report(size, max(self.file.about_bytes, size + 1) if total is None else total)

    def _require_fitting(self, size: int) -> None:
        if size > self.most_bytes:
            raise self._wrong(f"it is longer than {si(self.most_bytes, 'B')}")

    def _chunks(self, answer: HTTPResponse) -> Iterator[bytes]:
        """The body as it comes: a slow server is waited for as long as it sends anything."""
        try:
            while chunk := answer.read1(CHUNK_BYTES):
                yield chunk
        except TimeoutError as error:
            raise self._stalled() from error
        except (OSError, HTTPException) as error:
            raise _BrokenOffError from error

    def _answer(self) -> HTTPResponse:
        """An answer that continues the part, or one with the whole file, the part cleared."""
        if self.part.size:
            condition = {"If-Range": self.part.mark} if self.part.mark else {}
            answer = self._ask({"Range": f"bytes={self.part.size}-", **condition})
            if answer.status == HTTPStatus.PARTIAL_CONTENT and self._continues(answer):
                return answer
            if answer.status != HTTPStatus.OK:
                answer.close()
                answer = self._ask({})
        else:
            answer = self._ask({})
        if answer.status != HTTPStatus.OK:
            answer.close()
            raise self._refused(answer.status)
        self.part.begin(_mark(answer))
        return answer

    def _continues(self, answer: HTTPResponse) -> bool:
        """Whether an answer starts where the part ends, and is of the same version."""
        range_ = answer.headers.get("Content-Range", "")
        return range_.startswith(f"bytes {self.part.size}-") and (
            _mark(answer) in ("", self.part.mark)
        )

    def _ask(self, headers: dict[str, str]) -> HTTPResponse:
        """The answer to a request, of whatever status a part can be asked for with."""
        try:
            return web.open_url(self.url, headers)
        except HTTPError as error:
            error.close()
            if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not headers:
                raise self._refused(error.code) from error
            return self._ask({})
        except URLError as error:
            raise self._unreachable(error.reason) from error
        except TimeoutError as error:
            raise self._stalled() from error
        except (OSError, HTTPException) as error:
            raise _BrokenOffError from error

    # What went wrong, in sentences.

    def _wrong(self, how: str) -> WeightsError:
        self.part.clear()
        return WeightsError(
            f"What {self.host} sent as {self.file.name} is not the published file: {how}; it was "
            f"deleted, so try again, {self.by_hand}."
        )

    def _ended(self, when: str) -> WeightsError:
        return WeightsError(
            f"The download of {self.file.name} had come to {si(self.part.size, 'B')} of about "
            f"{si(self.file.about_bytes, 'B')} {when}; try again, and it goes on from there."
        )

    def _stalled(self) -> WeightsError:
        return self._ended(f"when nothing more came for {web.STALL_SECONDS:g} s")

    def _refused(self, status: int) -> WeightsError:
        if 300 <= status < 400:
            return WeightsError(
                f"{self.host} redirects {self.file.name} in a circle, or out of encrypted HTTP "
                f"(status {status}); set {URL_VARIABLE} to another server, {self.by_hand}."
            )
        return WeightsError(
            f"{self.host} does not give out {self.file.name} (status {status}); try again later, "
            f"{self.by_hand}."
        )

    def _unreachable(self, reason: object) -> WeightsError:
        if isinstance(reason, SSLCertVerificationError):
            return WeightsError(
                f"The certificate of {self.host} is not trusted on this machine; let the "
                f"environment variable SSL_CERT_FILE name the right certificates, {self.by_hand}."
            )
        return WeightsError(
            f"Weights are downloaded once, and {self.host} cannot be reached, so this machine "
            f"seems to be offline; connect it, {self.by_hand}."
        )


def _mark(answer: HTTPResponse) -> str:
    """What tells this version from others: no weak ETag, RFC 9110, 13.1.5, forbids it."""
    tag: str = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
