"""The network that a state dict belongs to, read back from the state dicts of known networks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings, strategies as st

from resnet_viz.errors import WeightsError
from resnet_viz.network.model import build_model
from resnet_viz.network.spec import PRESETS, ResNetSpec
from resnet_viz.weights.checkpoints.recognition import network_text, recognise, same_architecture
from tests.helpers.checkpoint_files import SPEC, State, some_state
from tests.helpers.strategies import specs


def shapes(spec: ResNetSpec) -> State:
    return build_model(spec, "meta").state_dict()


def legible(spec: ResNetSpec) -> ResNetSpec:
    """The spec without what leaves no trace: a stride does where a shortcut pools."""
    strides = spec.stage_strides if spec.shortcut == "avgpool_projection" else None
    return replace(spec, stride_in="3x3", zero_init_residual=False, strides=strides, dilations=None)


def refused(state: State) -> str:
    with pytest.raises(WeightsError) as caught:
        recognise(state)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert len(sentence) < 500
    return sentence


@given(spec=specs(max_stages=8))
def test_any_network_is_recognised(spec: ResNetSpec) -> None:
    found = recognise(shapes(spec))
    assert found.spec == legible(spec)
    assert found.num_classes == spec.num_classes
    assert same_architecture(found.spec, spec)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_recognised(name: str) -> None:
    assert recognise(shapes(PRESETS[name])).spec == PRESETS[name]


@settings(max_examples=30)
@given(spec=specs(), data=st.data())
def test_a_few_tensors_may_be_missing(spec: ResNetSpec, data: st.DataObject) -> None:
    state = shapes(spec)
    spare = [
        key for key in state if not ("conv" in key or "downsample" in key or key.startswith("fc."))
    ]
    missing = data.draw(st.sets(st.sampled_from(spare)))
    found = recognise({key: value for key, value in state.items() if key not in missing})
    assert found.spec == legible(spec)


@settings(max_examples=30)
@given(spec=specs(), head=st.sampled_from([None, (5, 7777), (5,), ()]))
def test_a_network_without_a_usable_head(spec: ResNetSpec, head: tuple[int, ...] | None) -> None:
    state = {key: value for key, value in shapes(spec).items() if not key.startswith("fc.")}
    if head is not None:
        state["fc.weight"] = torch.empty(head, device="meta")
    found = recognise(state)
    assert found.num_classes is None
    assert found.spec == replace(legible(spec), num_classes=1000)
    assert found.text.endswith("no head")


@given(one=specs(max_stages=2, max_blocks=2), other=specs(max_stages=2, max_blocks=2))
def test_one_architecture_has_one_set_of_shapes(one: ResNetSpec, other: ResNetSpec) -> None:
    def body(spec: ResNetSpec) -> dict[str, torch.Size]:
        same = replace(spec, in_channels=3, num_classes=1000)
        return {key: value.shape for key, value in shapes(same).items()}

    assert same_architecture(one, other) == (body(one) == body(other))
    changed = replace(one, in_channels=7, num_classes=13, stride_in="1x1", zero_init_residual=True)
    assert same_architecture(one, changed)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (PRESETS["resnet50"], "a ResNet-50 with 1000 classes"),
        (replace(PRESETS["resnet34"], num_classes=7), "a ResNet-34 with 7 classes"),
        (
            replace(PRESETS["resnet34"], in_channels=1, num_classes=1),
            "a ResNet-34 with 1 input channel and 1 class",
        ),
        (replace(PRESETS["resnet50"], stride_in="1x1"), "a ResNet-50 with 1000 classes"),
        (PRESETS["resnext50_32x4d"], "a ResNeXt-50 32×4d with 1000 classes"),
        (PRESETS["wide_resnet50_2"], "a Wide ResNet-50-2 with 1000 classes"),
        (PRESETS["resnet20"], "a ResNet-20 with 10 classes"),
        (SPEC, "a network of basic blocks 1,1 (4 planes at first) with 3 classes"),
        (
            ResNetSpec(
                blocks=(2, 2), stem="deep", shortcut="zero_pad", in_channels=4, num_classes=9
            ),
            (
                "a network of bottleneck blocks 2,2 (a deep stem, zero-padded shortcuts) with 4 "
                "input channels and 9 classes"
            ),
        ),
        (
            ResNetSpec(blocks=(1, 1), stem="small", groups=2, width_per_group=32),
            "a network of bottleneck blocks 1,1 (a small stem, 2x32d) with 1000 classes",
        ),
    ],
)
def test_networks_in_words(spec: ResNetSpec, text: str) -> None:
    assert network_text(spec) == text
    assert recognise(shapes(spec)).text == text


# What is no ResNet.


def test_other_networks_are_named_by_what_they_lack() -> None:
    sentence = refused({f"features.{i}.weight": torch.ones(2) for i in range(10)})
    assert "no layer1.0.conv1.weight under any prefix, but 'features.0.weight'" in sentence
    assert "and 7 more" in sentence
    assert "but no tensors" in refused({})


@pytest.mark.parametrize(
    ("key", "shape", "text"),
    [
        ("conv1.weight", None, "the convolution conv1.weight is missing"),
        ("conv1.weight", (4, 3), "the convolution conv1.weight is 4 × 3"),
        ("conv1.weight", (4, 3, 5, 5), "conv1.weight, is 5 × 5"),
        ("conv1.weight", (4, 3, 7, 3), "conv1.weight, is 7 × 3"),
        ("conv1.weight", (4, 0, 7, 7), "the convolution conv1.weight is 4 × 0 × 7 × 7"),
        ("conv1.weight", (4, 1025, 7, 7), "in_channels must lie between 1 and 1024, not 1025"),
        ("conv1.weight", (5, 3, 7, 7), "conv1.weight is 5 × 3 × 7 × 7, and in"),
        ("layer2.0.conv1.weight", None, "layer2.0.conv1.weight is missing"),
        ("layer2.0.conv1.weight", (), "layer2.0.conv1.weight is a number"),
        ("layer1.0.conv1.weight", (4, 2000, 3, 3), "base_width must lie between 1 and 1024"),
        ("layer1.2.conv1.weight", (4, 4, 3, 3), "layer1.1.conv1.weight is missing"),
        ("layer4.0.conv1.weight", (4, 4, 3, 3), "layer3.0.conv1.weight is missing"),
        ("layer1.0.bn1.weight", (5,), "layer1.0.bn1.weight is 5, and in"),
        ("layer1.0.bn1.weight", (), "layer1.0.bn1.weight is a number, and in"),
        ("layer1.0.conv2.weight", (4, 4, 5, 5), "layer1.0.conv2.weight is 4 × 4 × 5 × 5"),
        ("layer1.0.se.fc.weight", (4, 4), "'layer1.0.se.fc.weight' would have no place in"),
        ("layer1.0.conv1.bias", (4,), "'layer1.0.conv1.bias' would have no place in"),
        ("layer1.0.conv3.weight", (16, 4, 1, 1), "not a plain ResNet's"),
        ("fc.weight", (100_001, 8), "too many classes: num_classes must lie between"),
    ],
)
def test_shapes_that_do_not_go_together(key: str, shape: tuple[int, ...] | None, text: str) -> None:
    state = some_state()
    if shape is None:
        del state[key]
    else:
        state[key] = torch.empty(shape, device="meta")
    assert text in refused(state)


def test_a_ninth_stage() -> None:
    state = {f"layer{stage}.0.conv1.weight": torch.ones(1, 1, 3, 3) for stage in range(1, 10)}
    assert "1 to 8 stages" in refused(state | {"conv1.weight": torch.ones(1, 3, 7, 7)})


def test_numbers_of_layers_that_no_network_has() -> None:
    state = some_state()
    assert "layer3.0.conv1.weight is missing" in refused(
        state | {"layer99.9999.conv1.weight": torch.ones(1)}
    )
    assert "no place" in refused(state | {"layer100000.0.conv1.weight": torch.ones(1)})


@given(
    key=st.sampled_from(sorted(some_state())),
    shape=st.lists(st.sampled_from((0, 1, 2, 3, 4, 7, 8, 1023, 10**9)), max_size=5),
)
def test_any_other_shape_is_refused_or_another_network(key: str, shape: list[int]) -> None:
    state = shapes(SPEC)
    before = tuple(state[key].shape)
    try:
        state[key] = torch.empty(shape, device="meta")
    except RuntimeError:  # more than a tensor may hold
        return
    try:
        found = recognise(state)
    except WeightsError:
        return
    expected = shapes(found.spec)
    unlike = [k for k in expected if not k.startswith("fc.") and not k.endswith("_tracked")]
    assert all(state[k].shape == expected[k].shape for k in unlike), before
