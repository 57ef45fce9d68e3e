"""Measure two functions in turn.

Absolute times are not stable on shared machines, so every row is a ratio: ours and the peer run
one after the other in one process, round after round, and the median of the rounds' ratios
counts.
"""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import torch

__all__ = ["Work", "agree", "alternate", "machine"]

Work = Callable[[int], Any]
"""What is timed. It is given the number of the round, so that each round asks something new."""

_PACKAGES = ("torch", "numpy", "torchinfo", "fvcore", "torchview")


def alternate(
    rounds: int,
    check: Callable[..., None],
    *works: Work,
    before: Callable[[], None] | None = None,
) -> list[list[float]]:
    """The milliseconds of each work in each round, the works taking turns.

    Each runs once off the clock as round 0, which warms the libraries up; `check` gets what
    came out, one argument a work, and raises unless all of it is the same and right. `before` each
    run, off the clock as well, caches can be emptied; then garbage is collected, so that nobody
    pays for another's. Processor caches are cold then, as they are for a user's single call.
    """
    check(*(work(0) for work in works))
    times: list[list[float]] = [[] for _ in works]
    for number in range(1, rounds + 1):
        for work, measured in zip(works, times, strict=True):
            if before:
                before()
            gc.collect()
            start = perf_counter_ns()
            outcome = work(number)
            measured.append((perf_counter_ns() - start) / 1e6)
            del outcome  # off the clock
    return times


def agree(what: str, ours: object, other: object) -> None:
    """Stop the benchmark where two answers to one question differ."""
    if ours != other:
        raise AssertionError(f"{what}: {ours!r} here, but {other!r} there.")


def machine() -> str:
    """Where the numbers come from: processor, cores, threads, load and versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{_processor()}, {os.cpu_count()} cores, torch on {torch.get_num_threads()} threads, "
        f"load {os.getloadavg()[0]:.1f} at the start; {platform.system()}, "
        f"Python {platform.python_version()}, {versions}."
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
