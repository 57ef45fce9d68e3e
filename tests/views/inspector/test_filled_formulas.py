"""Every formula is evaluated anew, by the few rules of arithmetic below."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from itertools import chain

import pytest
from hypothesis import given, settings, strategies as st

from resnet_viz import PRESETS, InputSpec, ResNetSpec, profile
from resnet_viz.costs.profile_records import LayerProfile
from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.views.inspector.filled_formulas import (
    Formula,
    bytes_of_input,
    formulas,
    mismatch,
    sum_text,
)
from tests.helpers.strategies import inputs, specs

CLOSING = {"(": ")", "⌊": "⌋", "⌈": "⌉"}


class Evaluator:
    """Sums of products of numbers, brackets, max and min, in exact fractions."""

    def __init__(self, text: str) -> None:
        text = re.sub(r"(\d) (B|px)\b", r"\1", text)
        # A comma within a number has three digits behind it and no space.
        found = re.findall(r"\d{1,3}(?:,\d{3})+(?!\d)|\d+|max|min|\S", text)
        self.tokens = found[::-1]

    def result(self) -> Fraction:
        value = self.sum()
        assert not self.tokens, self.tokens
        return value

    def next(self) -> str:
        return self.tokens[-1] if self.tokens else ""

    def sum(self) -> Fraction:
        value = self.product()
        while self.next() in ("+", "−"):
            sign = 1 if self.tokens.pop() == "+" else -1
            value += sign * self.product()
        return value

    def product(self) -> Fraction:
        value = self.factor()
        while self.next() in ("·", "/"):
            times = self.tokens.pop() == "·"
            value = value * self.factor() if times else value / self.factor()
        return value

    def factor(self) -> Fraction:
        token = self.tokens.pop()
        if token == "−":
            return -self.factor()
        if token in ("max", "min"):
            assert self.tokens.pop() == "("
            values = [self.sum()]
            while self.next() == ",":
                self.tokens.pop()
                values.append(self.sum())
            assert self.tokens.pop() == ")"
            return max(values) if token == "max" else min(values)
        if token in CLOSING:
            value = self.sum()
            assert self.tokens.pop() == CLOSING[token]
            if token == "(":
                return value
            return Fraction(math.floor(value) if token == "⌊" else math.ceil(value))
        assert token.replace(",", "").isdigit(), token
        return Fraction(token.replace(",", ""))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("⌊(224 + 2·3 − 7)/2⌋ + 1", 112),
        ("⌈(7 + 2·0 − 2)/2⌉ + 1", 4),
        ("max(−3 + 11, −19 + 43) − min(−3, −19)", 43),
        ("64 · (64/32) · 3 · 3", 1152),
        ("9,408 · 112 · 112", 118_013_952),
        ("−5 − 2 · 3 + 1,000,000", 999_989),
        ("1 − 2 − 3", -4),
        ("1/3", Fraction(1, 3)),
    ],
)
def test_the_evaluator_can_count(text: str, value: Fraction) -> None:
    assert Evaluator(text).result() == value


def values_of(row: LayerProfile) -> dict[str, tuple[int, ...]]:
    """The profile's numbers by label: one, or rows and columns."""
    return {
        "Rows, columns": row.output_shape[2:],
        "Channels": row.output_shape[1:2],
        "Features": row.output_shape[1:2],
        "Parameters": (row.params,),
        "MACs": (row.macs,),
        "Bytes": (row.output_bytes,),
        "Receptive field": row.receptive_field,
        "Jump": row.jump,
    }


def expected(row: LayerProfile, label: str) -> set[int]:
    """What a formula of this label must come to; both axes where it speaks of both."""
    if label in ("Rows", "Columns"):
        return {row.output_shape[2 + ("Rows", "Columns").index(label)]}
    known = values_of(row)
    if label in known:
        return set(known[label])
    name, _, axis = label.rpartition(", ")
    return {known[name][("rows", "columns").index(axis)]}


def assert_true(formula: Formula, values: set[int]) -> None:
    expression, _, stated = formula.text.rpartition(" = ")
    assert {formula.value} == values, formula
    assert Evaluator(expression).result() == Evaluator(stated).result() == formula.value, formula
    assert formula.text.endswith(formula.unit)


@settings(max_examples=80)
@given(specs(), inputs(), st.sampled_from(sorted(DTYPE_BYTES)))
def test_no_formula_lies(spec: ResNetSpec, size: InputSpec, dtype: str) -> None:
    report = profile(spec, size, dtype)
    for row in report.layers:
        found = formulas(report, row.path)
        labels = [formula.label for formula in found]
        assert len(labels) == len(set(labels))
        for formula in found:
            assert_true(formula, expected(row, formula.label))

        # What is not spelled out is what entered, or nothing.
        said = set(chain(*(label.split(", ") for label in labels)))
        before = [report.by_path.get(path) for path in row.inputs]
        assert "Bytes" in said
        assert ("Parameters" in said) == (row.params > 0)
        assert ("MACs" in said) == (row.macs > 0)
        if not said & {"Rows", "Features"} and row.op != "linear":
            assert row.output_shape[2:] == row.input_shapes[0][2:]
        if "Receptive field" not in said and before[0]:
            assert row.receptive_field == before[0].receptive_field
        if "Jump" not in said and before[0]:
            assert row.jump == before[0].jump


@settings(max_examples=60)
@given(specs(), inputs())
def test_the_numbers_put_in_are_those_of_the_row(spec: ResNetSpec, size: InputSpec) -> None:
    """A right result of wrong numbers would be a lie too."""
    report = profile(spec, size)
    for row in report.layers:
        said = {formula.label: formula.expression for formula in formulas(report, row.path)}
        numbers = {
            label: [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*\b", text)]
            for label, text in said.items()
        }
        batch = [row.output_shape[0]] if row.output_shape[0] > 1 else []
        if row.op == "add":
            fields = [(report.by_path[path]) for path in row.inputs]
            for axis, label in enumerate(("rows", "columns")):
                name = f"Receptive field, {label}"
                parts = numbers[name if name in said else "Receptive field"]
                starts = [-field.field_start[axis] for field in fields]
                sizes = [field.receptive_field[axis] for field in fields]
                assert parts == [starts[0], sizes[0], starts[1], sizes[1], *starts]
        assert numbers["Bytes"] == [*batch, *row.output_shape[1:], 4]
        if row.op == "conv2d" and row.kernel and row.padding and row.stride:
            groups = [row.groups] if row.groups != 1 else []
            assert numbers["Parameters"] == [
                row.output_shape[1], row.input_shapes[0][1], *groups, *row.kernel
            ]  # fmt: skip
            assert numbers["MACs"] == [*batch, row.params, *row.output_shape[2:]]
            for axis, label in enumerate(("Rows", "Columns")):
                parts = numbers[label if label in said else "Rows, columns"]
                entering = row.input_shapes[0][2 + axis]
                kernel = [row.kernel[axis]]
                if row.dilation and row.dilation[axis] != 1:  # d·(k − 1) + 1
                    kernel = [row.dilation[axis], row.kernel[axis], 1, 1]
                window = [2, row.padding[axis], *kernel, row.stride[axis], 1]
                assert parts == [entering, *window]


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name: str) -> None:
    report = profile(PRESETS[name], InputSpec(height=63, width=224, batch=2))
    for row in report.layers[:80]:
        for formula in formulas(report, row.path):
            assert_true(formula, expected(row, formula.label))


def test_as_they_read() -> None:
    report = profile(PRESETS["resnext50_32x4d"])
    texts = {each.label: each.text for each in formulas(report, "conv1")}
    assert texts == {
        "Rows, columns": "⌊(224 + 2·3 − 7)/2⌋ + 1 = 112",
        "Parameters": "64 · 3 · 7 · 7 = 9,408",
        "MACs": "9,408 · 112 · 112 = 118,013,952",
        "Bytes": "64 · 112 · 112 · 4 B = 3,211,264 B",
        "Receptive field": "1 + (7 − 1) · 1 = 7 px",
        "Jump": "1 · 2 = 2 px",
    }
    assert "128 · (128/32) · 3 · 3 = 4,608" in {
        each.text for each in formulas(report, "layer1.0.conv2")
    }
    assert "2048 · 1000 + 1000 = 2,049,000" in {each.text for each in formulas(report, "fc")}
    assert bytes_of_input(report).text == "3 · 224 · 224 · 4 B = 602,112 B"

    pooled = profile(ResNetSpec(shortcut="avgpool_projection"), InputSpec(223, 225))
    texts = {each.label: each.text for each in formulas(pooled, "layer3.0.downsample.0")}
    assert texts["Rows"] == "⌈(28 + 2·0 − 2)/2⌉ + 1 = 14"
    assert texts["Columns"] == "⌈(29 + 2·0 − 2)/2⌉ + 1 = 15"
    padded = profile(PRESETS["resnet20"], InputSpec(33, 33))
    texts = {each.label: each.text for each in formulas(padded, "layer2.0.downsample")}
    assert texts["Rows, columns"] == "⌈33/2⌉ = 17"
    assert texts["Channels"] == "16 + 16 = 32"


@settings(max_examples=40)
@given(specs(), inputs())
def test_shapes_that_meet_and_that_would_not(spec: ResNetSpec, size: InputSpec) -> None:
    report = profile(spec, size)
    points = {point.block: point for point in report.downsample_points}
    for row in report.layers:
        if row.op != "add":
            continue
        one, other = sum_text(report, row.path).split(" + ")
        assert one == other == " × ".join(map(str, row.output_shape[1:]))
        assert row.block is not None
        if row.block in points:
            enters, fits = mismatch(report, row.block).split(" + ")
            assert enters == " × ".join(map(str, points[row.block].input_shape[1:]))
            assert fits == one
            assert enters != fits
        else:
            with pytest.raises(KeyError):
                mismatch(report, row.block)


def test_the_textbook_case() -> None:
    report = profile(PRESETS["resnet50"])
    assert sum_text(report, "layer2.0.add") == "512 × 28 × 28 + 512 × 28 × 28"
    assert mismatch(report, "layer2.0") == "256 × 56 × 56 + 512 × 28 × 28"
