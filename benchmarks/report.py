"""Results of the benchmarks: the records, the file of the last run, and the page made of it.

Imports neither torch nor what is measured, so that the documentation can be built from the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any, Final

__all__ = ["PAGE", "Goal", "Result", "Run", "at_least", "at_most", "load", "page", "save", "table"]

LAST_RUN: Final = Path(__file__).with_name("last_run.json")
PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


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


@dataclass(frozen=True)
class Run:
    """The results of one row of the benchmarks, and where they were measured.

    Attributes:
        row: The number of the row, as in ``--rows``.
        machine: Processor, cores, load and versions.
        date: Day of the measurement, ``YYYY-MM-DD``.
        rounds: Measurements of each result.
        results: The results.
    """

    row: int
    machine: str
    date: str
    rounds: int
    results: tuple[Result, ...]


def table(results: Iterable[Result]) -> str:
    """The Markdown table, with the rows' notes below it."""
    rows = list(results)
    lines = ["| work | ours | peer | ratio | goal | met? |", "|---|---|---|---|---|---|"]
    lines += [row.line() for row in rows]
    return "\n".join(lines) + "".join(f"\n\n{row.note}" for row in rows if row.note)


def save(runs: Iterable[Run]) -> None:
    """Put runs into the file of the last run, and write the page; other rows stay as they are."""
    found = {run.row: run for run in load()} | {run.row: run for run in runs}
    document = [asdict(found[row]) for row in sorted(found)]
    LAST_RUN.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    PAGE.write_text(page(load()), "utf-8")


def load() -> list[Run]:
    """The runs of the committed file, in the order of their rows."""
    if not LAST_RUN.exists():
        return []
    return [_run(values) for values in json.loads(LAST_RUN.read_text("utf-8"))]


def _run(values: Mapping[str, Any]) -> Run:
    results = tuple(
        Result(**{**result, "goal": Goal(**result["goal"])}) for result in values["results"]
    )
    return Run(**{**values, "results": results})


def page(runs: Iterable[Run]) -> str:
    """The page of the documentation, in Markdown."""
    return "\n\n".join(["# Benchmarks", _INTRODUCTION, *_sections(runs)]) + "\n"


_INTRODUCTION: Final = """\
Each row measures this library beside another tool. Both take turns in one process; the ratio is
computed for each round, and the table shows the median with the minimum and the maximum. Every
round asks for a new input size. Imports and one warm-up run of each are not timed; after the
warm-up both results are compared and must be equal. The other tools measure our module, not
torchvision's.

To run them: `python -m benchmarks --save` (see `benchmarks/__main__.py`)."""


def _sections(runs: Iterable[Run]) -> Iterator[str]:
    def place(run: Run) -> tuple[str, str, int]:
        return run.date, run.machine, run.rounds

    for (date, machine, rounds), group in groupby(runs, key=place):
        results = [result for run in group for result in run.results]
        yield f"## {date}, {rounds} rounds\n\n{machine}\n\n{table(results)}"


def _spread(values: Sequence[float], unit: str) -> str:
    low, middle, high = map(_number, (min(values), median(values), max(values)))
    return f"{middle} {unit} ({low}–{high})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
