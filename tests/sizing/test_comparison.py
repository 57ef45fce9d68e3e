"""Comparisons, against real forward passes and in plain words."""

from __future__ import annotations

import pickle
import re
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial

import pytest
import torch
from hypothesis import given, settings

from resnet_viz import PRESETS, InputSpec, ResNetSpec, build_model, profile
from resnet_viz.sizing.comparison.comparing import Comparison, compare
from tests.helpers.oracles import picture, record_forward
from tests.helpers.strategies import inputs, specs

R18, R50 = PRESETS["resnet18"], PRESETS["resnet50"]
TINY = ResNetSpec(blocks=(1, 2, 1), base_width=4, num_classes=3)
ONE = ResNetSpec(blocks=(2,), base_width=1, num_classes=3)
REDUCED = ResNetSpec(block="basic", blocks=(1, 1), stem="small", base_width=4)
SMALL = {"max_stages": 3, "max_blocks": 2, "max_width": 6}


def _compared(
    spec: ResNetSpec = R50,
    size: tuple[int, int] = (224, 224),
    first: tuple[ResNetSpec, InputSpec] = (R50, InputSpec()),
    dtype: str = "float32",
) -> Comparison:
    return compare(profile(*first), profile(spec, InputSpec(*size), dtype))


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (225, 225), (1023, 9)])
def test_both_sides_are_what_real_passes_yield(size: tuple[int, int]) -> None:
    other = replace(TINY, stem="small", shortcut="avgpool_projection", dilations=(1, 1, 2))
    first, second = InputSpec(33, 33), InputSpec(*size)
    comparison = compare(profile(TINY, first), profile(other, second))
    for spec, at, side in ((TINY, first, "before"), (other, second, "after")):
        model = build_model(spec)
        calls = record_forward(model, picture(model, at))
        rows = [row for row in (getattr(layer, side) for layer in comparison.layers) if row]
        found = {row.path: (row.input_shapes, row.output_shape) for row in rows}
        assert found == {call.path: (call.input_shapes, call.output_shape) for call in calls}


@settings(max_examples=12)
@given(specs(**SMALL), inputs(), specs(**SMALL), inputs())
def test_a_layer_differs_exactly_where_something_does(
    spec: ResNetSpec, size: InputSpec, other: ResNetSpec, at: InputSpec
) -> None:
    for second in (spec, other):
        comparison = compare(profile(spec, size), profile(second, at))
        for layer in comparison.layers:
            same = layer.before == layer.after and layer.weights in (None, "loads")
            assert layer.differs == (not same) == bool(layer.line)
            assert layer.line.startswith(layer.path if layer.differs else "")
            assert layer.line.isprintable()
        assert comparison.different == tuple(row for row in comparison.layers if row.remark)
        assert 1 <= len(comparison.summary) <= 12
        for sentence in comparison.summary:
            assert sentence.endswith(".")
            assert sentence.isprintable()


@settings(max_examples=6)
@given(specs(**SMALL), inputs())
def test_nothing_differs_from_itself(spec: ResNetSpec, size: InputSpec) -> None:
    comparison = compare(profile(spec, size), profile(spec, size))
    assert comparison.different == ()
    assert comparison.summary == ("Nothing differs.",)
    assert comparison.loading_params == comparison.second.totals.params
    assert comparison.unused_params == 0


def test_a_comparison_can_be_pickled() -> None:
    comparison = _compared(size=(32, 32))
    assert comparison.summary
    assert pickle.loads(pickle.dumps(comparison)) == comparison


@pytest.mark.parametrize(
    ("compared", "path", "remark"),
    [
        (
            partial(_compared, size=(32, 32)),
            "layer4.1.conv2",
            "now works on 1 × 1: its 3 × 3 kernel sees one value and eight zeros",
        ),
        (
            partial(_compared, size=(32, 32)),
            "layer3.1.conv2",
            "now works on 2 × 2: its 3 × 3 kernel sees four values and five zeros",
        ),
        (
            partial(_compared, size=(7, 300)),
            "layer4.1.conv2",
            "now works on 1 × 10: its 3 × 3 kernel sees three values and six zeros at best",
        ),
        (
            partial(_compared, size=(1, 1)),
            "maxpool",
            "now works on 1 × 1: its 3 × 3 window sees one value in nine places",
        ),
        (
            partial(_compared, size=(1, 1)),
            "layer2.0.downsample.0",
            "finds nothing to halve: 1 × 1 stays as it is",
        ),
        (
            partial(_compared, size=(225, 225)),
            "conv1",
            "halves 225 × 225 to 113 × 113: the last row and column stand for half a cell",
        ),
        (
            partial(_compared, size=(224, 225)),
            "conv1",
            "halves 224 × 225 to 112 × 113: the last column stands for half a cell",
        ),
        (
            partial(_compared, size=(225, 225)),
            "layer2.0.downsample.0",
            "reads every second row and column of 57 × 57: 2,408 of 3,249 values are not read",
        ),
        (
            partial(_compared, size=(32, 32)),
            "layer1.2.conv2",
            "sees 35 × 35 pixels of 32 × 32: more than the whole picture",
        ),
        (
            partial(_compared, size=(1024, 1024)),
            "layer4.2.conv2",
            "sees 427 × 427 pixels of 1024 × 1024: no longer the whole picture",
        ),
        (
            partial(_compared, size=(448, 448)),
            "layer3.1.conv1",
            "takes 4× the MACs: 28 × 28 instead of 14 × 14 cells",
        ),
        (
            partial(_compared, size=(448, 448)),
            "bn1",
            "yields 4× the values: 224 × 224 instead of 112 × 112 cells",
        ),
        (partial(_compared, size=(32, 32)), "avgpool", "averages 1 × 1 instead of 7 × 7 cells"),
        (
            partial(_compared, replace(R50, stem="small")),
            "conv1",
            "does not load its weights: 64 × 3 × 7 × 7 became 64 × 3 × 3 × 3",
        ),
        (
            partial(_compared, replace(R50, in_channels=8)),
            "conv1",
            (
                "loads its weights adapted to other input channels: "
                "64 × 3 × 7 × 7 became 64 × 8 × 7 × 7"
            ),
        ),
        (
            partial(_compared, replace(R50, stem="small")),
            "maxpool",
            "stands only in the reference: 3 × 3 max pooling",
        ),
        (
            partial(_compared, replace(R50, num_classes=10)),
            "fc",
            "does not load its weights: 1000 × 2048 became 10 × 2048",
        ),
        (
            partial(_compared, replace(R50, stem="deep")),
            "conv1.3",
            "stands only here: 3 × 3 convolution with 9.216 k parameters",
        ),
        (
            partial(_compared, replace(R50, shortcut="avgpool_projection")),
            "layer2.0.downsample.0",
            "is a 2 × 2 average pooling here, in the reference a 1 × 1 convolution",
        ),
        (
            partial(_compared, replace(R50, dilations=(1, 1, 1, 2))),
            "layer4.0.conv2",
            "has stride 1 instead of 2: 14 × 14 instead of 7 × 7 cells",
        ),
        (
            partial(_compared, replace(R50, dilations=(1, 1, 1, 2))),
            "layer4.1.conv2",
            "has dilation 2 instead of 1: 14 × 14 instead of 7 × 7 cells",
        ),
        (
            partial(_compared, replace(R18, stem="deep"), first=(R18, InputSpec())),
            "bn1",
            "sees 11 × 11 instead of 7 × 7 pixels",
        ),
        (
            partial(_compared, first=(R50, InputSpec(batch=2))),
            "fc",
            "takes 1/2 of the MACs: 1 instead of 2 pictures",
        ),
        (
            lambda: compare(profile(R50), profile(R50, InputSpec(batch=2))),
            "fc",
            "takes 2× the MACs: 2 instead of 1 picture",
        ),
        (
            partial(_compared, first=(R50, InputSpec(32, 32))),
            "layer4.2.conv3",
            "takes 49× the MACs: 7 × 7 instead of 1 × 1 cell",
        ),
        (
            partial(_compared, first=(R50, InputSpec(32, 32))),
            "avgpool",
            "averages 7 × 7 instead of 1 × 1 cell",
        ),
        (
            lambda: compare(profile(ONE), profile(replace(ONE, base_width=2))),
            "relu",
            "yields 2× the values: 2 instead of 1 channel",
        ),
        (
            lambda: compare(profile(replace(ONE, blocks=(1,))), profile(ONE)),
            "layer1.1.conv1",
            "stands only here: 1 × 1 convolution with 4 parameters",
        ),
        (
            partial(_compared, size=(1, 4), spec=REDUCED, first=(REDUCED, InputSpec(8, 8))),
            "layer2.0.downsample.0",
            "reads every second column of 1 × 4: 1 of 2 values is not read",
        ),
        (
            partial(_compared, dtype="float16"),
            "conv1",
            "takes 1/2 of the bytes: float16 instead of float32",
        ),
        (
            partial(_compared, first=(R50, InputSpec(32, 32))),
            "layer4.1.conv2",
            "fills all of the 9 places of its window: 7 × 7 instead of 1 × 1",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_said_of_a_layer(
    compared: Callable[[], Comparison], path: str, remark: str
) -> None:
    layers = {layer.path: layer for layer in compared().layers}
    assert layers[path].remark == remark
    assert layers[path].line == f"{path} {remark}"


@pytest.mark.parametrize("size", [(57, 9), (3, 4), (5, 1), (33, 32)])
@pytest.mark.parametrize("dilations", [(1, 1, 1), (3, 5, 5), (2, 2, 3)])
def test_values_that_are_said_not_to_be_read_have_no_gradient(
    size: tuple[int, int], dilations: tuple[int, ...]
) -> None:
    spec = replace(TINY, stem="small", strides=(1, 2, 2), dilations=dilations)
    model, comparison = build_model(spec), _compared(spec, size, (TINY, InputSpec()))
    said = 0
    for layer in comparison.layers:
        words = re.search(r": ([\d,]+) of ([\d,]+) values (?:is|are) not read$", layer.remark)
        if words is None or layer.after is None:
            continue
        lost, whole = (int(text.replace(",", "")) for text in words.groups())
        module = model.get_submodule(layer.path)
        x = torch.ones(layer.after.input_shapes[0], requires_grad=True)
        assert isinstance(module, torch.nn.Conv2d)
        torch.nn.init.ones_(module.weight)
        module(x).sum().backward()  # ones add up to nothing nowhere
        assert x.grad is not None
        assert Fraction(int((x.grad == 0).sum()), x.numel()) == Fraction(lost, whole)
        said += 1
    assert said >= 1


def test_what_is_said_of_the_whole() -> None:
    assert _compared(size=(32, 32)).summary == (
        (
            "A final grid of 1 × 1 instead of 7 × 7, 2.09 % of the MACs (85.46 M instead of "
            "4.089 G) and a peak of 196.6 kB instead of 9.634 MB."
        ),
        "All weights load.",
        (
            "Each of five layers in layer3 now works on 2 × 2: its 3 × 3 kernel sees four values "
            "and five zeros."
        ),
        (
            "Each of two layers in layer4 now works on 1 × 1: its 3 × 3 kernel sees one value and "
            "eight zeros."
        ),
        (
            "44 of 53 convolutions see more than the whole 32 × 32 picture, first layer1.2.conv2; "
            "in the reference 15 of 53."
        ),
    )
    assert _compared(size=(225, 225)).summary[2:] == (
        (
            "Rounding up at the strides, the final 8 × 8 grid stands for 256 × 256 pixels: 31 rows "
            "and 31 columns more than there are."
        ),
    )


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (PRESETS["resnet101"], "Only here: layer3.6 to layer3.22."),
        (
            replace(R50, blocks=(3, 6, 8, 4)),
            "Only here: layer2.4 and layer2.5; layer3.6 and layer3.7; layer4.3.",
        ),
        (
            replace(R50, blocks=(3, 4, 9, 4)),
            "Only here: layer3.6 to layer3.8; layer4.3.",
        ),
        (replace(R50, blocks=(3, 4, 6)), "Only in the reference: layer4."),
        (replace(R50, stem="small"), "Only in the reference: maxpool."),
        (replace(R50, stem="deep"), "Only here: 7 operations of the stem."),
        (replace(R50, base_width=8, in_channels=1, num_classes=2), "No weights load."),
        (
            replace(R50, num_classes=10),
            (
                "99.9 % of the parameters load; fc does not load its weights: 1000 × 2048 became "
                "10 × 2048."
            ),
        ),
        (
            replace(R50, blocks=(3, 4, 6, 2)),
            "All weights load; 4.463 M parameters of the reference have no place here.",
        ),
        (
            replace(R50, dilations=(1, 1, 2, 4)),
            "Each of four layers in layer3 and layer4 has stride 1 instead of 2.",
        ),
        (
            replace(R50, strides=(1, 1, 1, 1)),
            "Each of six layers in layer2 to layer4 has stride 1 instead of 2.",
        ),
        (
            replace(R50, strides=(1, 1, 2, 1)),
            "Each of four layers in layer2 and layer4 has stride 1 instead of 2.",
        ),
        (
            replace(R50, strides=(1, 2, 2, 2), dilations=(1, 1, 1, 8)),
            (
                "Each of two layers in layer4 now sees one value and eight zeros on 7 × 7, with "
                "dilation 8 instead of 1."
            ),
        ),
        (
            replace(R50, dilations=(1, 1, 1, 8)),
            (
                "Each of two layers in layer4 now works on 14 × 14: its dilated 3 × 3 kernel sees "
                "four values and five zeros at best."
            ),
        ),
        (
            replace(R50, shortcut="avgpool_projection"),
            "89.2 % of the parameters load; 3 layers do not fit, first layer2.0.downsample.1.",
        ),
        (
            replace(R50, dilations=(1, 1, 2, 4)),
            "Each of five layers in layer3 has dilation 2 instead of 1.",
        ),
    ],
)
def test_what_is_said_of_another_network(spec: ResNetSpec, sentence: str) -> None:
    assert sentence in _compared(spec).summary


def test_what_only_one_shortcut_has() -> None:
    basic = replace(R18, stem="deep", shortcut="zero_pad")
    sentences = compare(profile(basic), profile(R18)).summary
    two = [f"layer{n}.0.downsample.0 and layer{n}.0.downsample.1" for n in (2, 3, 4)]
    assert f"Only here: {'; '.join(['conv1', *two])}." in sentences
    reference = "Only in the reference: 7 operations of the stem, layer2.0.downsample,"
    assert any(sentence.startswith(reference) for sentence in sentences)


def test_as_many_layers_past_the_picture_are_no_news() -> None:
    other = _compared(replace(R50, shortcut="avgpool_projection"))
    assert not any("the whole" in sentence for sentence in other.summary)
    one = ResNetSpec(block="basic", blocks=(1,), stem="small", base_width=4)
    few = compare(profile(one, InputSpec(9, 9)), profile(one, InputSpec(6, 6))).summary
    assert few[-1] == (
        "1 of 3 convolutions sees more than the whole 6 × 6 picture, first layer1.0.conv2; in the "
        "reference none of 3."
    )


def test_stages_that_are_no_neighbours_are_not_one_range() -> None:
    spec = ResNetSpec(blocks=(1,) * 8, base_width=4, strides=(1, 2, 2, 2, 2, 2, 2, 2))
    other = replace(spec, strides=(1, 1, 2, 1, 1, 1, 2, 1))
    sentences = compare(profile(spec), profile(other)).summary
    said = "Each of 10 layers in layer2, layer4 to layer6 and layer8 has stride 1 instead of 2."
    assert said in sentences


def test_sums_of_tiny_shares_are_sentences() -> None:
    thin = ResNetSpec(block="basic", blocks=(1,), stem="small", base_width=4, num_classes=2)
    wide = ResNetSpec(blocks=(3, 8, 36, 3), base_width=512, num_classes=2)
    small, large = profile(thin, InputSpec(2, 2)), profile(wide, InputSpec(2048, 2048))
    words = compare(large, small).summary[0]
    assert "less than 0.001 % of the MACs" in words
    assert words[0].isupper()
    more = compare(small, large).summary[0]
    assert re.search(r"[\d,]{9,}× the MACs", more)
    assert "e+" not in more


def test_stages_that_say_the_same_share_a_sentence() -> None:
    spec = ResNetSpec(blocks=(1,) * 8)
    small = _compared(spec, (20, 20), (spec, InputSpec())).summary
    assert (
        "Each of three layers in layer5 to layer7 now works on 1 × 1: its 3 × 3 kernel sees one "
        "value and eight zeros." in small
    )


def test_a_comparison_is_quick() -> None:
    spec = PRESETS["resnet152"]
    first, second = profile(spec), profile(spec, InputSpec(16_383, 225))
    took = []
    for _ in range(4):
        start = time.perf_counter()
        assert compare(first, second).summary
        took.append(time.perf_counter() - start)
    assert min(took) < 0.15  # an order of magnitude above what it takes
