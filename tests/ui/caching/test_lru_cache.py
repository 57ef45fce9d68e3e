"""What is kept stays within its bytes, and is made once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, strategies as st

from resnet_viz.errors import BudgetError, WeightsError
from resnet_viz.ui.caching.lru_cache import Kept


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60))), st.integers(1, 100))
def test_all_together_take_no_more_than_allowed_or_one_is_alone(
    asked: list[tuple[int, int]], most: int
) -> None:
    kept: Kept[bytes] = Kept(most, len)
    last: dict[int, bytes] = {}
    for key, size in asked:
        made: list[int] = []

        def make(size: int = size, made: list[int] = made) -> bytes:
            made.append(size)
            return bytes(size)

        value = kept.get(key, make)
        if made:
            last[key] = value
        assert value is last[key]
        assert kept.get(key, lambda: pytest.fail("made again")) is value
        assert kept.total_bytes <= most or kept.total_bytes == len(value)


def test_the_least_recently_used_goes_first() -> None:
    kept: Kept[str] = Kept(2, len)
    kept.get("a", lambda: "a")
    kept.get("b", lambda: "b")
    kept.get("a", lambda: pytest.fail("made again"))
    kept.get("c", lambda: "c")
    kept.get("a", lambda: pytest.fail("made again"))
    assert kept.get("b", lambda: "new") == "new"


def test_a_refusal_is_kept_where_it_would_come_again_and_only_there() -> None:
    kept: Kept[str] = Kept(10_000, len)
    calls: list[str] = []

    def refuse() -> str:
        calls.append("refused")
        raise WeightsError("This is no checkpoint.")

    for _ in range(3):
        with pytest.raises(WeightsError, match="no checkpoint"):
            kept.get("file", refuse, (WeightsError,))
    assert len(calls) == 1

    def too_much() -> str:
        calls.append("too much")
        raise BudgetError("Too much just now.")

    for _ in range(2):
        with pytest.raises(BudgetError):
            kept.get("other", too_much, (WeightsError,))
    assert calls == ["refused", "too much", "too much"]
    assert kept.get("other", lambda: "now") == "now"


def test_eight_threads_at_once() -> None:
    kept: Kept[bytes] = Kept(50, len)

    def ask(number: int) -> bool:
        key = number % 13
        return kept.get(key, lambda: bytes([key]) * 9) == bytes([key]) * 9

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(4000)))
    assert kept.total_bytes <= 50
