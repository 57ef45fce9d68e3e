"""Two works in turn on the clock, and a table of what came out.

Absolute times are not stable on shared machines, so every row is a ratio: ours and the peer run
one after the other in one process, round after round, and the median of the rounds' ratios
counts.
"""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import torch

__all__ = [
    "Goal",
    "Result",
    "Work",
    "agree",
    "alternate",
    "at_least",
    "at_most",
    "machine",
    "table",
]

Work = Callable[[int], Any]
"""What is timed. It is given the number of the round, so that each round asks something new."""

_PACKAGES = ("torch", "numpy", "torchinfo", "fvcore", "torchview")


@dataclass(frozen=True)
class Goal:
    """What a row should reach.

    Attributes:
        limit: The ratio.
        faster: Whether the ratio is peer over ours and must be at least the limit; otherwise it
            is ours over peer and must be at most that.
    """

    limit: float
    faster: bool

    def __str__(self) -> str:
        return f"≥ {self.limit:,g} × faster" if self.faster else f"≤ {self.limit:,g} ×"


def at_least(limit: float) -> Goal:
    return Goal(limit, faster=True)


def at_most(limit: float) -> Goal:
    return Goal(limit, faster=False)


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        work: What was done.
        peer_name: What it was measured beside.
        ours: Our measurements, one a round.
        peer: The peer's, from the same rounds.
        goal: What the ratio should be.
        unit: The unit of both.
        note: Markdown to print below the table.
    """

    work: str
    peer_name: str
    ours: Sequence[float]
    peer: Sequence[float]
    goal: Goal
    unit: str = "ms"
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round, in the sense of the goal."""
        pairs = zip(self.ours, self.peer, strict=True)
        return [peer / ours if self.goal.faster else ours / peer for ours, peer in pairs]

    @property
    def met(self) -> bool:
        """Whether the median ratio reaches the goal."""
        ratio = median(self.ratios)
        return ratio >= self.goal.limit if self.goal.faster else ratio <= self.goal.limit

    def line(self) -> str:
        """The Markdown of this line."""
        cells = (
            self.work,
            _spread(self.ours, self.unit),
            f"{self.peer_name}: {_spread(self.peer, self.unit)}",
            _spread(self.ratios, "×"),
            str(self.goal),
            "yes" if self.met else "**no**",
        )
        return f"| {' | '.join(cells)} |"


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


def table(results: Iterable[Result]) -> str:
    """The Markdown table, with the rows' notes below it."""
    rows = list(results)
    lines = ["| work | ours | peer | ratio | goal | met? |", "|---|---|---|---|---|---|"]
    lines += [row.line() for row in rows]
    return "\n".join(lines) + "".join(f"\n\n{row.note}" for row in rows if row.note)


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


def _spread(values: Sequence[float], unit: str) -> str:
    low, middle, high = map(_number, (min(values), median(values), max(values)))
    return f"{middle} {unit} ({low}–{high})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
