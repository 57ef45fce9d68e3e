"""What a receipt counts, and its one line."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from resnet_viz.weights.checkpoints.receipt import COUNTER, Entry, Fate, Receipt


def entries(**fates: int) -> tuple[Entry, ...]:
    """So many entries of each fate."""
    named: dict[str, Fate] = {"kept": "kept", "adapted": "adapted", "fresh": "fresh"}
    return tuple(
        Entry(f"{fate}{index}", named.get(fate, "left out"), "", (1,))
        for fate, count in fates.items()
        for index in range(count)
    )


@pytest.mark.parametrize(
    ("made", "summary"),
    [
        (entries(), "0 of 0 tensors kept"),
        (entries(kept=320), "320 of 320 tensors kept"),
        (
            entries(kept=318, adapted=1, fresh=1),
            "318 of 320 tensors kept, 1 adapted, 1 initialised anew",
        ),
        (entries(kept=1, left_out=4), "1 of 1 tensors kept, 4 left out"),
    ],
)
def test_summaries(made: tuple[Entry, ...], summary: str) -> None:
    receipt = Receipt("a file", made)
    assert receipt.summary == summary
    assert sum(receipt.counts.values()) == len(made)


def test_counters_that_start_anew_are_not_counted() -> None:
    fresh, kept = Entry(f"a{COUNTER}", "fresh", "", ()), Entry(f"b{COUNTER}", "kept", "", ())
    receipt = Receipt("a file", (*entries(fresh=2), fresh, kept))
    assert receipt.counts == {"kept": 1, "adapted": 0, "fresh": 2, "left out": 0}


def test_receipts_are_values() -> None:
    receipt = Receipt("a file", entries(kept=1))
    assert receipt == Receipt("a file", entries(kept=1))
    with pytest.raises(FrozenInstanceError):
        receipt.origin = "another"  # type: ignore[misc]
