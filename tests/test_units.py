"""Numbers as people write them, read back."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from resnet_viz.costs.profiling import profile
from resnet_viz.network.spec import InputSpec, ResNetSpec
from resnet_viz.units import GIB, gib_text, gib_texts, percent, shape_text, si

PREFIXES = {
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
    "Z": 21,
    "Y": 24,
    "R": 27,
    "Q": 30,
}


def read(text: str, unit: str) -> tuple[Decimal, Decimal]:
    """The value that `si` wrote, and one unit of its last digit."""
    number, _, prefix = text.partition(" ")
    assert prefix.endswith(unit)
    scale = Decimal(10) ** PREFIXES.get(prefix.removesuffix(unit), 0)
    assert (scale == 1) == (prefix == unit)
    decimals = len(number.partition(".")[2])
    return Decimal(number) * scale, scale / 10**decimals


@given(
    st.one_of(
        st.integers(-(10**32), 10**32),
        st.integers(0, 10**7),
        # Around the powers of ten, where the number of digits changes.
        st.builds(lambda power, off: 10**power + off, st.integers(0, 32), st.integers(-60, 60)),
        st.builds(lambda power, off: 10**power - off * 10 ** max(0, power - 5),
                  st.integers(3, 32), st.integers(0, 60)),
    ),
    st.sampled_from(("", "B", "MACs")),
)  # fmt: skip
def test_si_keeps_four_significant_digits(value: int, unit: str) -> None:
    text = si(value, unit)
    written, last_digit = read(text, unit)
    if abs(value) < 1000:
        assert written == value
        return
    number = text.partition(" ")[0].lstrip("-")
    assert len(number.replace(".", "")) == 4
    assert 1 <= Decimal(number) < 1000
    # Half a unit of the last digit; a hair more, since the division is done in floats.
    assert abs(written - value) <= last_digit / 2 * (1 + Decimal("1e-9"))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "", "0"),
        (0, "B", "0 B"),
        (999, "", "999"),
        (1000, "", "1.000 k"),
        (25_557_032, "", "25.56 M"),
        (4_089_184_256, "", "4.089 G"),
        (802_816, "B", "802.8 kB"),
        (999_949, "", "999.9 k"),
        (999_951, "", "1.000 M"),
        (-1_500, "B", "-1.500 kB"),
    ],
)
def test_si_writes_as_the_contract_does(value: int, unit: str, text: str) -> None:
    assert si(value, unit) == text


def test_the_largest_costs_within_the_limits_can_be_written() -> None:
    spec = ResNetSpec(
        blocks=(500,) + (1,) * 7,
        stem="small",
        base_width=1024,
        groups=1024,
        width_per_group=1024,
        in_channels=1024,
        num_classes=100_000,
    )
    totals = profile(spec, InputSpec(16_384, 16_384, 4_096)).totals
    # Eight stages cost no more than about eight times one, here the first.
    for value in (totals.flops, 8 * totals.flops, totals.activation_bytes, totals.params):
        written, last_digit = read(si(value), "")
        assert abs(written - value) <= last_digit


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=4))
def test_shapes_read_back(sizes: list[int]) -> None:
    text = shape_text(sizes)
    assert [int(side) for side in text.split(" × ")] == sizes
    assert shape_text(iter(sizes)) == text


@pytest.mark.parametrize(
    ("free", "needed", "texts"),
    [
        (2 * GIB, int(3.5449 * GIB), ("2", "3.54")),
        (int(0.25 * GIB), 12 * GIB, ("0.25", "12.0")),
        (1024 * GIB, 2048 * GIB, ("1024", "2048")),
        (2 * GIB, 2 * GIB + 500_000, ("2", "2.0005")),
        (0, 10 * GIB - 1, ("0", "10.0")),
    ],
)
def test_free_and_needed_memory_are_told_apart(
    free: int, needed: int, texts: tuple[str, str]
) -> None:
    assert gib_texts(free, needed) == texts


@given(st.integers(1, 2**50))
def test_gib_have_three_significant_digits(amount: int) -> None:
    text = gib_text(amount)
    assert "e" not in text
    assert float(text) * GIB == pytest.approx(amount, rel=0.005)


@given(st.integers(0, 2**50), st.integers(1, 2**20))
def test_free_and_needed_memory_never_read_the_same(free: int, more: int) -> None:
    left, taken = gib_texts(free, free + more)
    assert float(left) < float(taken)


@pytest.mark.parametrize(
    ("share", "decimals", "max_decimals", "text"),
    [
        (0, 1, None, "0 %"),
        (1, 1, None, "100 %"),
        (2.5, 1, None, "250 %"),
        (0.25, 1, None, "25.0 %"),
        (0.25, 0, None, "25 %"),
        (0.0004, 1, None, "< 0.1 %"),
        (0.9996, 1, None, "> 99.9 %"),
        (0.004, 0, None, "< 1 %"),
        (0.996, 0, None, "> 99 %"),
        (Fraction(9_996, 10_000), 1, 3, "99.96 %"),
        (Fraction(1, 100_000), 1, 3, "0.001 %"),
        (Fraction(1, 10**18), 1, 3, "< 0.001 %"),
        (1 - Fraction(1, 10**18), 1, 3, "> 99.999 %"),
    ],
)
def test_percentages(share: float, decimals: int, max_decimals: int | None, text: str) -> None:
    assert percent(share, decimals, max_decimals) == text


@given(st.fractions(0, 1), st.integers(0, 3), st.integers(0, 3))
def test_only_nothing_is_0_percent_and_only_the_whole_is_100(
    share: Fraction, decimals: int, more: int
) -> None:
    bound, _, number = percent(share, decimals, decimals + more).removesuffix(" %").rpartition(" ")
    value = Fraction(number) / 100
    assert (value == 0, value == 1) == (share == 0, share == 1)
    if bound:
        assert value == Fraction(1, 10 ** (decimals + more + 2)) if bound == "<" else value < 1
        assert min(share, 1 - share) <= Fraction(1, 10 ** (decimals + more + 2))
    else:
        assert abs(value - share) <= Fraction(51, 100) / 10 ** (decimals + 2)
