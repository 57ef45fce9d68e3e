"""Guesses against softmax in exact fractions of Python, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from resnet_viz.errors import SpecError
from resnet_viz.features.class_predictions import Guess, predict
from tests.helpers.oracles import assert_one_sentence

FINITE = st.floats(-1e4, 1e4, width=32)


@given(logits=st.lists(FINITE, min_size=1, max_size=40), k=st.integers(1, 50))
def test_any_logits(logits: list[float], k: int) -> None:
    guesses = predict(np.array(logits, np.float32), k=k)
    ranked = sorted(range(len(logits)), key=lambda index: (-logits[index], index))
    assert [guess.index for guess in guesses] == ranked[:k]
    for guess in guesses:
        assert guess.logit == logits[guess.index]
        assert guess.name == f"class {guess.index}"
        # 1 over the sum of the odds: another way to softmax, each term at its own scale.
        odds = [other - guess.logit for other in logits]
        expected = 0.0 if max(odds) > 700 else 1 / math.fsum(map(math.exp, odds))
        assert guess.probability == pytest.approx(expected, rel=1e-9, abs=1e-290)


@given(logits=st.lists(FINITE, min_size=1, max_size=40))
def test_probabilities_add_up_to_one_and_do_not_mind_a_shift(logits: list[float]) -> None:
    values = np.array(logits, np.float64)
    whole = predict(values, k=len(logits))
    assert math.fsum(guess.probability for guess in whole) == pytest.approx(1)
    for one, other in zip(whole, predict(values + 4096, k=len(logits)), strict=True):
        assert other.probability == pytest.approx(one.probability, rel=1e-6)


def test_the_five_best_with_their_names() -> None:
    logits = np.log(np.array([1, 5, 2, 8, 0.5, 3.5]))
    guesses = predict(logits, ["a", "b", "c", "d", "e", "f"])
    assert [guess.name for guess in guesses] == ["d", "b", "f", "c", "a"]
    assert [guess.probability for guess in guesses] == pytest.approx([0.4, 0.25, 0.175, 0.1, 0.05])


def test_ties_go_by_index_and_there_may_be_few_classes() -> None:
    assert predict(np.zeros(3), k=2) == (
        Guess(0, "class 0", 0.0, 1 / 3),
        Guess(1, "class 1", 0.0, 1 / 3),
    )
    assert predict(np.array([7.0])) == (Guess(0, "class 0", 7.0, 1.0),)


def test_huge_logits_do_not_overflow() -> None:
    best, second, last = predict(np.array([-1e30, 1e30, 1e30], np.float32))
    assert (best.index, best.probability) == (1, 0.5)
    assert (second.index, second.probability) == (2, 0.5)
    assert (last.index, last.probability) == (0, 0.0)


@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf])
def test_logits_that_are_not_finite_have_no_probabilities(strange: float) -> None:
    guesses = predict(np.array([1.0, strange, 2.0]))
    order = {math.inf: [1, 2, 0]}.get(strange, [2, 0, 1])
    assert [guess.index for guess in guesses] == order
    assert all(math.isnan(guess.probability) for guess in guesses)


@pytest.mark.parametrize(
    ("logits", "names", "k"),
    [
        (np.zeros((2, 3)), None, 5),
        (np.zeros(0), None, 5),
        (np.zeros(3), ["a", "b"], 5),
        (np.zeros(3), None, 0),
    ],
)
def test_refusals(logits: np.ndarray, names: list[str] | None, k: int) -> None:
    with pytest.raises(SpecError) as caught:
        predict(logits, names, k)
    assert_one_sentence(caught.value)
