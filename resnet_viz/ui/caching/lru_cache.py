"""Results that are kept for a while: bounded by bytes, where Streamlit's caches count entries."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from resnet_viz.errors import ResNetVizError

__all__ = ["Kept"]

Value = TypeVar("Value")

_TRIM_BYTES: Final = 5 * 10**7


class Kept(Generic[Value]):
    """Results by their keys, the least recently used forgotten first; shared by all sessions.

    What is kept is shared as it is, so it must never be written to. A result larger than the
    bound is kept alone, so that a page can look at it again.
    """

    def __init__(self, max_bytes: int, size_bytes: Callable[[Value], int]) -> None:
        """Nothing is kept yet.

        Args:
            max_bytes: What all results together may take.
            size_bytes: What one takes.
        """
        self._max_bytes = max_bytes
        self._size_bytes = size_bytes
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, tuple[Value | ResNetVizError, int]] = OrderedDict()
        self._total_bytes = 0
        self._forgotten_bytes = 0  # since they were last given back

    @property
    def total_bytes(self) -> int:
        """What all results together take."""
        return self._total_bytes

    def get(
        self,
        key: Hashable,
        make: Callable[[], Value],
        refusals: tuple[type[ResNetVizError], ...] = (),
    ) -> Value:
        """The result of a key, made where it is not there.

        Two that ask at once may both make it: nobody waits for another's session here.

        Args:
            key: What tells this result from others, all that `make` depends on.
            make: Makes it.
            refusals: Errors that are kept like results, since making it anew would end so again.

        Raises:
            ResNetVizError: What `make` raises.
        """
        with self._lock:
            found = self._results.get(key)
            if found is not None:
                self._results.move_to_end(key)
        if found is None:
            value: Value | ResNetVizError
            try:
                value = make()
                size = self._size_bytes(value)
            except refusals as error:
                value, size = error.with_traceback(None), 1000
            self._keep(key, value, size)
        else:
            value = found[0]
        if isinstance(value, ResNetVizError):
            raise value.with_traceback(None)
        return value

    def _keep(self, key: Hashable, value: Value | ResNetVizError, size: int) -> None:
        with self._lock:
            if (before := self._results.pop(key, None)) is not None:
                self._total_bytes -= before[1]
            self._results[key] = value, size
            self._total_bytes += size
            while self._total_bytes > self._max_bytes and len(self._results) > 1:
                _, (_, forgotten) = self._results.popitem(last=False)
                self._total_bytes -= forgotten
                self._forgotten_bytes += forgotten
            idle = self._forgotten_bytes >= _TRIM_BYTES
            if idle:
                self._forgotten_bytes = 0
        if idle:
            _give_back()


def _give_back() -> None:
    """Let the system have what has been freed: glibc keeps it for each thread that ever ran.

    Every visitor is a thread, so a server that has seen many would hold far more than it uses.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # another C library
        return
