"""Counts and ratios as words."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from resnet_viz.sizing.comparison.wording import (
    amount,
    apart,
    listed,
    multiple,
    multiple_of,
    noun,
    sentence,
    share_text,
)

COUNTS = st.integers(1, 10**15)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "no zeros"), (1, "one zero"), (8, "eight zeros"), (10, "10 zeros"), (1200, "1,200 zeros")],
)
def test_amounts(count: int, text: str) -> None:
    assert amount(count, "zero") == text


def test_lists() -> None:
    assert [listed("abc"[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


def test_parts_that_are_lists_are_set_apart() -> None:
    assert apart(["a", "b", "c"]) == "a, b and c"
    assert apart(["stem", "a and b", "c"]) == "stem; a and b; c"
    assert apart(["a to c", "d"]) == "a to c; d"


def test_nouns_and_sentences() -> None:
    assert [noun(count, "cell") for count in (0, 1, 2)] == ["cells", "cell", "cells"]
    assert sentence("less than 0.001 % of it") == "Less than 0.001 % of it."
    assert sentence("MACs") == "MACs."


@pytest.mark.parametrize(
    ("new", "old", "text"),
    [
        (8, 2, "4×"),
        (10**6, 1, "1,000,000×"),
        (2, 98, "1/49"),
        (1, 1001, "1/1,001"),
        (1, 10**9, "1/1,000,000,000"),
        (2, 2001, "0.1 %"),
        (3, 10**8, "less than 0.001 %"),
        (89_935, 10**9 + 7, "0.00899 %"),
        (999_499, 1000, "999×"),
        (999_500, 1001, "999×"),
        (999_501, 1000, "1,000×"),
        (3_260_401, 1000, "3,260×"),
        (179_801, 2, "89,900×"),
        (2**90 + 1, 2, f"{2**89:,}×"),
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
    assert "e" not in text or text == "less than 0.001 %"
    if text.startswith("less"):
        assert 0 < new / old < 1e-5
        return
    if text.endswith(" %"):
        value = Fraction(text.removesuffix(" %")) / 100
    else:
        value = Fraction(text.removesuffix("×"))
    assert float(value) == pytest.approx(new / old, rel=0.006)
    assert (value < 1, value > 1) == (new < old, new > old)


@given(COUNTS, st.data())
def test_a_share_is_all_or_nothing_only_if_it_is(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.one_of(st.integers(0, whole), st.sampled_from((0, 1, whole - 1, whole))))
    text = share_text(part, whole).removesuffix(" %")
    if text == "less than 0.001":
        assert 0 < Fraction(part, whole) < Fraction(1, 10**5)
        return
    if text == "more than 99.999":
        assert 0 < 1 - Fraction(part, whole) <= Fraction(1, 10**5)
        return
    value = float(text)
    assert value == pytest.approx(100 * part / whole, abs=0.06)
    assert (value == 0, value == 100) == (part == 0, part == whole)


def test_shares_near_nothing_and_near_all() -> None:
    whole = 10**18
    assert share_text(1, whole) == "less than 0.001 %"
    assert share_text(whole - 1, whole) == "more than 99.999 %"
    assert share_text(1, 100_000) == "0.001 %"
    assert share_text(99_999, 100_000) == "99.999 %"
    assert share_text(9_996, 10_000) == "99.96 %"
