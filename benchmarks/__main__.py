"""Measure the library beside other tools and print the results as Markdown.

In an environment of its own, from the root of the repository::

    python3 -m venv .venv-bench
    .venv-bench/bin/pip install -r benchmarks/requirements.txt
    .venv-bench/bin/python -m benchmarks --save     # or --rounds 9 --rows 1,3

``--save`` puts the results into ``benchmarks/last_run.json``, of which the documentation makes the
page Benchmarks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Final

from benchmarks import captures, memory, pages, profiles
from benchmarks.harness import machine
from benchmarks.report import Result, Run, page, save

ROWS: Final[Mapping[int, Callable[[int], Iterator[Result]]]] = {
    1: profiles.new_size,
    2: profiles.new_size_large,
    3: profiles.new_architecture,
    4: profiles.sweep_1000,
    5: profiles.linearity,
    6: captures.every_block,
    7: captures.one_early_layer,
    8: pages.drawing,
    9: pages.new_height,
    10: pages.click,
    12: memory.many_visits,
    13: pages.everything_open,
    14: profiles.map_of_sizes,
    15: pages.new_side,
}
"""By the number of the goal; each takes the number of rounds. A new row is one line here."""


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = [0]
    if unknown := [number for number in numbers if number not in ROWS]:
        known = ", ".join(map(str, ROWS))
        raise argparse.ArgumentTypeError(f"no row {unknown[0]} in {text!r}; rows are {known}")
    return numbers


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measures the library beside its peers."
    )
    parser.add_argument("--rounds", type=int, default=7, help="pairs a row (5 or more to report)")
    parser.add_argument("--rows", type=_numbers, default=list(ROWS), help="such as 1,3")
    parser.add_argument("--save", action="store_true", help="keep the results in last_run.json")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")

    heading, today = machine(), date.today().isoformat()
    runs: list[Run] = []
    for number in options.rows:
        print(f"row {number} …", file=sys.stderr, flush=True)
        results = tuple(ROWS[number](options.rounds))
        runs.append(Run(number, heading, today, options.rounds, results))
    print(page(runs))
    if options.save:
        save(runs)


if __name__ == "__main__":
    main()
