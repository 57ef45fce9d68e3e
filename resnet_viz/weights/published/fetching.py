"""Published weights on this machine: found, or downloaded once for all who ask."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from resnet_viz.errors import WeightsError
from resnet_viz.weights.published.downloading import Progress, download
from resnet_viz.weights.published.file_lock import FileLock
from resnet_viz.weights.published.imagenet import WeightsFile, weights_folder
from resnet_viz.weights.published.partial_file import CHUNK_BYTES, keeping, part_path

__all__ = ["PATIENCE_SECONDS", "POLL_SECONDS", "PROGRESS_SECONDS", "cached", "fetch"]

# How long another's download of the same file may stand still: more than one that is alive does.
PATIENCE_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.05  # between looks at whether it is done
PROGRESS_SECONDS: Final = 0.1  # between calls of `progress`


def cached(file: WeightsFile, folder: Path | None = None) -> Path | None:
    """Where the file is on this machine; None if it is not, or has other bytes.

    The whole file is read to check its hash, then again only if its size or time has changed.

    Args:
        file: What to look for.
        folder: Where; left out, `weights_folder`.
    """
    path = (weights_folder() if folder is None else folder) / file.name
    try:
        state = path.stat()
        found = _sha256(path, state.st_size, state.st_mtime_ns)
    except OSError:
        return None
    return path if found.startswith(file.sha256_prefix) else None


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001 - tell its states apart
    digest = sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def fetch(file: WeightsFile, progress: Progress | None = None, folder: Path | None = None) -> Path:
    """The file on this machine, downloaded if it is not there yet.

    A download that ends early, for whatever reason, leaves what has come in ``<name>.part``,
    and the next one goes on from there. Of all threads and processes that ask for the same
    file at once one downloads, and the others wait for it.

    Args:
        file: Which one.
        progress: Called with the bytes that are here and those of the whole file, every
            `PROGRESS_SECONDS` while something comes; what it raises ends the download, or the
            waiting for another's, and is passed on.
        folder: Where to keep the file; left out, `weights_folder`.

    Returns:
        The path of the file, whose SHA-256 begins as published.

    Raises:
        WeightsError: It cannot be downloaded or kept, in one sentence with a way out.
    """
    folder = weights_folder() if folder is None else folder
    ready = cached(file, folder)
    if ready is not None:
        return ready
    report = _seldom(progress)
    with _alone(file, folder, report):
        return cached(file, folder) or download(file, folder, report)


def _seldom(progress: Progress | None) -> Progress:
    """Pass on the first call, the last, and some in between."""
    last = -PROGRESS_SECONDS

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if progress is not None and (done >= total or now - last >= PROGRESS_SECONDS):
            last = now
            progress(done, total)

    return report


@contextmanager
def _alone(file: WeightsFile, folder: Path, report: Progress) -> Iterator[None]:
    """Hold the file's lock, after waiting for whoever downloads it."""
    with keeping(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{file.name}.lock")
    with lock:
        size, since = 0, time.monotonic()
        while not lock.acquire():
            before, size = size, _size(part_path(folder / file.name))
            if size != before:
                since = time.monotonic()
            elif time.monotonic() - since > PATIENCE_SECONDS:
                raise WeightsError(
                    f"Another download of {file.name} into {folder} has not moved on for "
                    f"{PATIENCE_SECONDS:g} s; end the program that runs it and try again."
                )
            report(min(size, file.about_bytes - 1), file.about_bytes)
            time.sleep(POLL_SECONDS)
        yield


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
