"""A lock that one thread of one process holds at a time, by the name of a file."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

if sys.platform != "win32":
    import fcntl

__all__ = ["FileLock"]

# One lock a path, for all threads of this process. `setdefault` makes each but once.
_THREAD_LOCKS: Final[dict[Path, threading.Lock]] = {}


class FileLock:
    """Held from a successful `acquire` to the end of the `with` block.

    The system gives the lock back when a process dies, so none is ever stale; the empty file
    stays, since removing it could give two processes a lock each. Without ``flock`` (on Windows,
    on some network disks) only the threads of one process keep each other out.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._thread_lock = _THREAD_LOCKS.setdefault(path.resolve(), threading.Lock())
        self._held = False

    def acquire(self) -> bool:
        """Take the lock if it is free, without waiting; whether it is held now."""
        if not self._held and self._thread_lock.acquire(blocking=False):
            self._held = self._locked_file()
            if not self._held:
                self._thread_lock.release()
        return self._held

    def _locked_file(self) -> bool:
        """Whether no other process holds the file, as far as the system can tell."""
        if sys.platform != "win32":
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError:  # a disk without locks: two downloads at once are only wasteful
                return True
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()  # gives the lock on it back
        if self._held:
            self._held = False
            self._thread_lock.release()
