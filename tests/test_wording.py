"""Counts and ratios as words."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_viz.comparison.wording import amount, listed, multiple, multiple_of, share_text

COUNTS = st.integers(1, 10**15)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "no zeros"), (1, "one zero"), (8, "eight zeros"), (10, "10 zeros"), (1200, "1,200 zeros")],
)
def test_amounts(count: int, text: str) -> None:
    assert amount(count, "zero") == text


def test_lists() -> None:
    assert [listed("abc"[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("new", "old", "text"),
    [
        (8, 2, "4×"),
        (10**6, 1, "1,000,000×"),
        (2, 98, "1/49"),
        (1, 1001, "0.0999 %"),
        (113**2, 112**2, "1.02×"),
        (10**7 + 1, 10**7, "1.0000001×"),
        (10**7 - 1, 10**7, "99.99999 %"),
        (2, 3, "66.7 %"),
    ],
)
def test_multiples(new: int, old: int, text: str) -> None:
    assert multiple(new, old) == text
    assert multiple_of(new, old, "it") == text + (" it" if text[-1] == "×" else " of it")


@given(COUNTS, COUNTS)
def test_a_multiple_reads_back(new: int, old: int) -> None:
    text = multiple(new, old).replace(",", "")
    if text.endswith(" %"):
        value = Fraction(text.removesuffix(" %")) / 100
    else:
        value = Fraction(text.removesuffix("×"))
    assert float(value) == pytest.approx(new / old, rel=0.006)
    assert (value < 1, value > 1) == (new < old, new > old)


@given(COUNTS, st.data())
def test_a_share_is_all_or_nothing_only_if_it_is(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    value = float(share_text(part, whole).removesuffix(" %"))
    assert value == pytest.approx(100 * part / whole, abs=0.06)
    assert (value == 0, value == 100) == (part == 0, part == whole)
