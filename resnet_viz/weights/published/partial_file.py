"""A file that is still coming: kept on disk between attempts, then renamed at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from resnet_viz.errors import WeightsError
from resnet_viz.units import si

__all__ = ["CHUNK_BYTES", "PartialFile", "keeping", "part_path"]

CHUNK_BYTES: Final = 2**18  # read, hashed and written at a time


def part_path(target: Path) -> Path:
    """Where the beginning of a file is kept until the file is whole."""
    return target.with_name(f"{target.name}.part")


@contextmanager
def keeping(folder: Path) -> Iterator[None]:
    """Say in a sentence that this folder cannot be written to.

    Raises:
        WeightsError: For any error of the system.
    """
    try:
        yield
    except OSError as error:
        raise WeightsError(
            f"Weights cannot be kept in {folder} ({error.strerror or error}); make room there or "
            "make it writable, or set the environment variable TORCH_HOME to another folder."
        ) from error


class PartialFile:
    """What has come of a file so far, on disk beside the mark of its version.

    Only one may write at a time: hold the file's lock.

    Attributes:
        target: The file that it will be.
        size: Bytes that have come.
        mark: The server's mark of the version that they are of: an ETag or a date, or empty.

    Raises:
        WeightsError: The folder cannot be read, here; or written to, in any method.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self._path = part_path(target)
        self._mark_path = target.with_name(f"{target.name}.part.version")
        self.size, self.mark, self._digest = 0, "", sha256()
        with keeping(target.parent):
            if not self._path.exists():
                return
            if self._mark_path.exists():
                self.mark = _one_line(self._mark_path.read_bytes())
            with self._path.open("rb") as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    self._count(chunk)

    def _count(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self.size += len(chunk)

    @property
    def sha256(self) -> str:
        """Of the bytes that have come, in hexadecimal digits."""
        return self._digest.hexdigest()

    def clear(self) -> None:
        """Throw away what has come."""
        with keeping(self.target.parent):
            self._path.unlink(missing_ok=True)
            self._mark_path.unlink(missing_ok=True)
        self.size, self.mark, self._digest = 0, "", sha256()

    def begin(self, mark: str) -> None:
        """Start anew, with a version of this mark."""
        self.clear()
        self.mark = _one_line(mark.encode(errors="replace"))
        with keeping(self.target.parent):
            self._mark_path.write_text(self.mark, encoding="ascii")

    @contextmanager
    def appending(self) -> Iterator[Callable[[bytes], None]]:
        """A function that writes to the end of what has come."""
        folder = self.target.parent
        with keeping(folder):
            stream = self._path.open("ab", buffering=0)  # a full disk shows where it is written

        def append(chunk: bytes) -> None:
            rest = memoryview(chunk)
            while rest:
                with keeping(folder):
                    rest = rest[stream.write(rest) :]
            self._count(chunk)

        with stream:
            yield append

    def require_space(self, whole_bytes: int) -> None:
        """Look whether the rest of a file of `whole_bytes` bytes fits on the disk.

        Raises:
            WeightsError: It does not; the text gives both figures.
        """
        folder = self.target.parent
        with keeping(folder):
            free = shutil.disk_usage(folder).free
        if whole_bytes - self.size > free:
            raise WeightsError(
                f"{self.target.name} needs {si(whole_bytes - self.size, 'B')} more on the disk of "
                f"{folder}, where {si(free, 'B')} are free; make room there, or set the "
                "environment variable TORCH_HOME to another folder."
            )

    def finish(self) -> None:
        """Make this the file, at once for all who look, in the place of any other."""
        with keeping(self.target.parent):
            with self._path.open("ab") as stream:
                os.fsync(stream.fileno())
            self._path.replace(self.target)
            self._mark_path.unlink(missing_ok=True)


def _one_line(mark: bytes) -> str:
    """The mark, or nothing if it could not stand in a request's header."""
    text = mark.decode("ascii", errors="replace").strip()
    return text if text.isascii() and text.isprintable() else ""
