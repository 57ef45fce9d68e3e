"""Memory, against autograd's own saved tensors and against what the allocator gives out.

The witness of the timeline is `torch.profiler`, which tells each allocation and leaves the
execution as it is. (A dispatch mode does not: under one, autograd adds gradients out of place.)
Live bytes are read when an operation returns, so what its kernel takes and gives back inside
itself, which differs between kernels and devices, is not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn

from resnet_viz import PRESETS, InputSpec, ResNetSpec, build_model, profile
from resnet_viz.costs.memory_use import OPTIMIZER_STATES, Memory, largest_batch, memory
from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.costs.tensor_lifetimes import LOSS, OPTIMIZER, PARTS, make_schedule
from resnet_viz.errors import SpecError
from resnet_viz.network.devices import available_devices
from resnet_viz.network.layer_graph import trace
from resnet_viz.network.spec import MAX_BATCH
from tests.helpers.oracles import assert_one_sentence
from tests.helpers.strategies import inputs, specs

DTYPES = ("float32", "bfloat16", "float16")
SCALARS = 64  # bytes: what an optimizer computes with beside the parameters
SHOWN = (InputSpec(1, 1, batch=2), InputSpec(7, 30, batch=2), InputSpec(33, 33, batch=3))
GPUS = [device.name for device in available_devices() if "cuda" in device.name]


def small(**limits: int) -> st.SearchStrategy[ResNetSpec]:
    return specs(**{"max_stages": 3, "max_blocks": 2, "max_planes": 24, "max_width": 8} | limits)


EVERY_SHORTCUT = [
    ResNetSpec(block="bottleneck", blocks=(1, 2), base_width=8, stem="imagenet", num_classes=7),
    ResNetSpec(
        block="basic", blocks=(1, 1, 1), base_width=6, stem="deep", shortcut="avgpool_projection"
    ),
    ResNetSpec(block="basic", blocks=(2, 1), base_width=8, stem="small", shortcut="zero_pad"),
    ResNetSpec(
        block="bottleneck", blocks=(1, 1, 1), base_width=8, groups=2, strides=(1, 1, 2),
        dilations=(1, 2, 4), shortcut="zero_pad", stride_in="1x1",
    ),
]  # fmt: skip


class Training(NamedTuple):
    """A network that has made a step, and its batch."""

    model: nn.Module
    pictures: Tensor
    labels: Tensor
    optimizer: torch.optim.Optimizer

    @classmethod
    def of(
        cls, spec: ResNetSpec, size: InputSpec, dtype: str, optimizer: str, device: str = "cpu"
    ) -> Training:
        kind: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
            "sgd": lambda params: torch.optim.SGD(params, foreach=True),
            "momentum": lambda params: torch.optim.SGD(params, momentum=0.9, foreach=True),
            "adam": lambda params: torch.optim.Adam(params, foreach=True),
            "adamw": lambda params: torch.optim.AdamW(params, foreach=True),
        }
        model = build_model(spec, device).train().to(getattr(torch, dtype))
        shape = (size.batch, spec.in_channels, size.height, size.width)
        pictures = torch.randn(shape, device=device).to(getattr(torch, dtype))
        labels = torch.zeros(size.batch, dtype=torch.int64, device=device)
        training = cls(model, pictures, labels, kind[optimizer](model.parameters()))
        training.step()
        training.optimizer.zero_grad()
        return training

    def step(self) -> None:
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(self.pictures), self.labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    @property
    def lasting_bytes(self) -> dict[str, int]:
        """What is there before the step, by part."""
        states = self.optimizer.state.values()
        return {
            "weights": sum(t.nbytes for t in [*self.model.parameters(), *self.model.buffers()]),
            "optimizer": sum(
                value.nbytes
                for state in states
                for name, value in state.items()
                if isinstance(value, Tensor) and name != "step"
            ),
            "kept": self.pictures.nbytes + self.labels.nbytes,
        }


def saved_bytes(training: Training) -> int:
    """What autograd saves, each storage once, without the weights and running statistics."""
    saved: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        saved.setdefault(tensor.untyped_storage()._cdata, tensor)  # kept, so no key comes again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        F.cross_entropy(training.model(training.pictures), training.labels)
    known = [*training.model.parameters(), *training.model.buffers()]
    for tensor in known:
        saved.pop(tensor.untyped_storage()._cdata, None)
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())


@settings(max_examples=6)
@given(small(), st.sampled_from(SHOWN), st.sampled_from(DTYPES))
def test_what_is_kept_is_what_autograd_saves(spec: ResNetSpec, size: InputSpec, dtype: str) -> None:
    after_forward = memory(spec, size, dtype, training=True)
    kept = after_forward.parts[PARTS.index("kept"), after_forward.paths.index(LOSS)]
    assert kept == saved_bytes(Training.of(spec, size, dtype, "sgd"))
    assert kept == after_forward.most_parts["kept"]


@pytest.mark.parametrize("spec", EVERY_SHORTCUT, ids=lambda spec: spec.shortcut)
def test_what_is_kept_with_every_shortcut_and_stem(spec: ResNetSpec) -> None:
    size = InputSpec(33, 29, batch=2)
    predicted = memory(spec, size, training=True).most_parts["kept"]
    assert predicted == saved_bytes(Training.of(spec, size, "float32", "sgd"))


class Sample(NamedTuple):
    """Bytes that are there when an operation of ATen returns, beyond those before the first.

    Attributes:
        name: The operation's.
        node: The node of autograd that it belongs to, if it runs backwards.
        live: Bytes.
    """

    name: str
    node: str
    live: int


def samples(run: Callable[[], object]) -> list[Sample]:
    """The outermost operations of an execution, with what is there when each returns."""
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as watched:
        run()
    allocations: list[tuple[int, int, int]] = []
    operations: list[tuple[int, str, str]] = []

    def walk(event: Any, node: str, outside: bool) -> None:
        if event.tag == torch._C._profiler._EventType.Allocation:
            change = event.extra_fields
            allocations.append((event.start_time_ns, change.alloc_size, change.total_allocated))
        if "evaluate_function" in event.name:
            node = event.name.split(": ")[1]
        here = event.name.startswith("aten::")
        if here and outside:
            operations.append((event.end_time_ns, event.name.removeprefix("aten::"), node))
        for child in event.children:
            walk(child, node, outside and not here)

    for event in watched.profiler.kineto_results.experimental_event_tree():
        walk(event, "", True)
    allocations.sort()
    _, size, total = allocations[0]
    before = total - size
    times = np.array([time for time, *_ in allocations])
    totals = [before, *(total for *_, total in allocations)]
    return [
        Sample(name, node, totals[int(np.searchsorted(times, end, "right"))] - before)
        for end, name, node in sorted(operations)
    ]


# The nodes of autograd that take memory, by the operations that they are the backward of.
BACKWARD = {
    "ConvolutionBackward0": "conv2d",
    "NativeBatchNormBackward0": "batch_norm",
    "ReluBackward0": "relu",
    "MaxPool2DWithIndicesBackward0": "max_pool2d",
    "AvgPool2DBackward0": "avg_pool2d",
    "MeanBackward1": "adaptive_avg_pool2d",
    "AddmmBackward0": "linear",
    "NllLossBackward0": LOSS,
    "LogSoftmaxBackward0": LOSS,
    "ConstantPadNdBackward0": "pad",
    "SliceBackward0": "pad",
}
FORWARD = {kind: kind for kind in (*BACKWARD.values(), "add", "flatten")}
FORWARD["cross_entropy_loss"] = LOSS


def measured_steps(taken: list[Sample]) -> list[tuple[str, str, int]]:
    """Phase and kind of each step with what it takes: no two neighbours are of one kind."""
    kinds = [
        ("backward", BACKWARD.get(sample.node))
        if sample.node
        else ("forward", FORWARD.get(sample.name))
        for sample in taken
    ]
    known = [(kind, sample.live) for kind, sample in zip(kinds, taken, strict=True) if kind[1]]
    return [
        (phase, str(kind), max(live for _, live in run))
        for (phase, kind), run in groupby(known, key=itemgetter(0))
    ]


def predicted_steps(use: Memory, lasting: int) -> list[tuple[str, str, int]]:
    """The same as predicted, without the steps that are none for autograd or ATen."""
    kinds = {operation.path: operation.op for operation in trace(use.spec)} | {LOSS: LOSS}
    return [
        (phase, kinds[path], int(total) - lasting)
        for path, phase, total in zip(use.paths, use.phases, use.totals, strict=True)
        if phase != OPTIMIZER and (phase == "forward" or kinds[path] not in ("add", "flatten"))
    ]


def assert_equal(measured: list[tuple[str, str, int]], use: Memory, lasting: int) -> None:
    predicted = predicted_steps(use, lasting)
    assert [step[:2] for step in measured] == [step[:2] for step in predicted]
    assert [step[2] for step in measured] == [step[2] for step in predicted]


def assert_each_step_is_predicted(
    spec: ResNetSpec, size: InputSpec, dtype: str, optimizer: str
) -> None:
    training = Training.of(spec, size, dtype, optimizer)
    use = memory(spec, size, dtype, training=True, optimizer=optimizer)
    lasting = training.lasting_bytes
    assert {part: use.parts[PARTS.index(part), 0] for part in ("weights", "optimizer")} == {
        part: lasting[part] for part in ("weights", "optimizer")
    }
    taken = samples(training.step)
    before = sum(lasting.values())
    assert_equal(measured_steps(taken), use, before)
    peak = max(sample.live for sample in taken) + before
    assert 0 <= peak - use.peak_bytes <= (SCALARS if use.peak_phase == OPTIMIZER else 0)


@settings(max_examples=6)
@given(
    small(), st.sampled_from(SHOWN), st.sampled_from(DTYPES), st.sampled_from([*OPTIMIZER_STATES])
)
def test_each_step_of_training_takes_what_is_predicted(
    spec: ResNetSpec, size: InputSpec, dtype: str, optimizer: str
) -> None:
    """The order, each step's bytes and the peak, the optimizer's step included."""
    assert_each_step_is_predicted(spec, size, dtype, optimizer)


@pytest.mark.parametrize(
    ("spec", "optimizer"), [*zip(EVERY_SHORTCUT, OPTIMIZER_STATES, strict=True)]
)
def test_each_step_with_every_shortcut_and_stem(spec: ResNetSpec, optimizer: str) -> None:
    assert_each_step_is_predicted(spec, InputSpec(33, 29, batch=2), "float32", optimizer)


@settings(max_examples=6)
@given(small(), inputs(most=40), st.sampled_from(DTYPES))
def test_each_step_of_inference_takes_what_is_predicted(
    spec: ResNetSpec, size: InputSpec, dtype: str
) -> None:
    model = build_model(spec).to(getattr(torch, dtype))
    shape = (size.batch, spec.in_channels, size.height, size.width)
    pictures = torch.zeros(shape, dtype=getattr(torch, dtype))
    with torch.no_grad():
        model(pictures)
        taken = samples(lambda: model(pictures))
    use = memory(spec, size, dtype, training=False)
    weights = sum(tensor.nbytes for tensor in [*model.parameters(), *model.buffers()])
    assert_equal(measured_steps(taken), use, weights + pictures.nbytes)
    peak = max(sample.live for sample in taken) + weights + pictures.nbytes
    assert use.peak_bytes == peak


def most_allocated(run: Callable[[], object], device: str) -> int:
    """The most that the allocator has given out at once since the start, kernels included."""
    if device == "cpu":
        with torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
        ) as watched:
            run()
        events = watched.profiler.kineto_results.events()
        return int(np.cumsum([e.nbytes() for e in events if e.name() == "[memory]"]).max())
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    run()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


@pytest.mark.parametrize("place", ["cpu", *GPUS])
def test_the_peak_is_that_of_the_allocator(place: str) -> None:
    """But for the buffers of kernels, which are small beside the maps of a large batch.

    Without cuDNN, whose workspaces differ between cards: PyTorch's own convolutions unfold one
    picture at a time. CUDA's allocator rounds each tensor up to 512 bytes.
    """
    spec = ResNetSpec(block="basic", blocks=(2, 2), stem="small", base_width=8)
    size = InputSpec(32, 32, batch=16)
    use = memory(spec, size, training=True, optimizer="momentum")
    with torch.backends.cudnn.flags(enabled=False):
        training = Training.of(spec, size, "float32", "momentum", place)
        training.step()  # the libraries' workspaces are taken once
        training.optimizer.zero_grad()
        taken = most_allocated(training.step, place)
    predicted = use.peak_bytes - sum(training.lasting_bytes.values())
    windows = [layer for layer in profile(spec, size).layers if layer.op == "conv2d"]
    unfolded = max(9 * 4 * layer.input_shapes[0][1] * 32 * 32 for layer in windows)
    rounding = 512 * len(make_schedule(spec, True).part)
    assert predicted <= taken <= 1.01 * predicted + unfolded + rounding


@settings(max_examples=20)
@given(small(max_stages=5), inputs(most=16_384))
def test_inference_works_with_the_peak_of_the_profile(spec: ResNetSpec, size: InputSpec) -> None:
    totals, use = profile(spec, size).totals, memory(spec, size, training=False)
    assert use.most_parts["working"] == totals.peak_activation_bytes
    working = use.parts[PARTS.index("working")]
    assert use.paths[int(working.argmax())] == totals.peak_path


@settings(max_examples=30)
@given(
    small(),
    inputs(),
    st.sampled_from([*DTYPE_BYTES]),
    st.booleans(),
    st.sampled_from([*OPTIMIZER_STATES]),
    st.floats(0, 1.5),
    st.integers(1, 5000),
)
def test_the_largest_batch_is_the_last_that_fits(
    spec: ResNetSpec,
    size: InputSpec,
    dtype: str,
    training: bool,
    optimizer: str,
    share: float,
    near: int,
) -> None:
    def peak(batch: int) -> int:
        size_of = replace(size, batch=batch)
        return memory(spec, size_of, dtype, training=training, optimizer=optimizer).peak_bytes

    limit = int(share * peak(min(near, MAX_BATCH)))
    found = largest_batch(spec, size, limit, dtype, training=training, optimizer=optimizer)
    assert 0 <= found <= MAX_BATCH
    if found:
        assert peak(found) <= limit
    if found < MAX_BATCH:
        assert peak(found + 1) > limit
    if near <= MAX_BATCH:
        exact = peak(near)
        assert (
            largest_batch(spec, size, exact, dtype, training=training, optimizer=optimizer) == near
        )
        assert (
            largest_batch(spec, size, exact - 1, dtype, training=training, optimizer=optimizer)
            == near - 1
        )


def test_sums_beyond_64_bits_are_exact() -> None:
    spec = ResNetSpec(
        block="bottleneck", blocks=(3,) * 8, stem="small", base_width=1024, strides=(1,) * 8
    )
    size = InputSpec(16_384, 16_384, batch=4096)
    use = memory(spec, size, training=True, optimizer="adam")
    one = memory(spec, replace(size, batch=1), training=True, optimizer="adam")
    two = memory(spec, replace(size, batch=2), training=True, optimizer="adam")
    assert use.peak_bytes > 2**63
    assert use.peak_bytes == one.peak_bytes + 4095 * (two.peak_bytes - one.peak_bytes)
    fitting = largest_batch(spec, size, 2**62, training=True, optimizer="adam")
    assert (
        2**62 - two.peak_bytes
        < memory(spec, replace(size, batch=fitting), training=True, optimizer="adam").peak_bytes
        <= 2**62
    )


def test_the_parts_of_resnet50() -> None:
    """Published: 25.557 M parameters; the usual half of a dozen bytes each is far off."""
    params, size = 25_557_032, InputSpec(batch=32)
    use = memory(PRESETS["resnet50"], size, training=True, optimizer="adam")
    most = use.most_parts
    assert most["weights"] == 4 * (params + 53_120) + 8 * 53  # 26,560 channels in 53 batch norms
    assert (most["gradients"], most["optimizer"]) == (4 * params, 8 * params)
    assert use.peak_phase == "backward"
    assert sum(use.peak_parts.values()) == use.peak_bytes == use.totals.max()
    assert use.parts[:, use.peak_step].tolist() == list(use.peak_parts.values())
    half = memory(PRESETS["resnet50"], size, "bfloat16", training=True, optimizer="adam")
    indices = 8 * 32 * 64 * 56 * 56 + 8 * 32
    assert 2 * (half.most_parts["kept"] - indices) == most["kept"] - indices
    with pytest.raises(ValueError, match="read-only"):
        use.parts[0, 0] = 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"dtype": "int8"},
        {"dtype": None},
        {"optimizer": "lion"},
        {"input": InputSpec(channels=4)},
    ],
)
def test_names_that_do_not_exist(wrong: dict[str, Any]) -> None:
    spec = PRESETS["resnet18"]
    with pytest.raises(SpecError) as caught:
        memory(spec, **{"training": True} | wrong)
    assert_one_sentence(caught.value)
    with pytest.raises(SpecError):
        largest_batch(spec, **{"training": True, "limit_bytes": 1, "input": None} | wrong)


@pytest.mark.parametrize("limit", [-1, 2**62 + 1, 1.5])
def test_a_limit_that_is_none(limit: Any) -> None:
    with pytest.raises(SpecError) as caught:
        largest_batch(PRESETS["resnet18"], None, limit, training=True)
    assert_one_sentence(caught.value)


def test_the_usual_input_is_224() -> None:
    spec = PRESETS["resnet18"]
    assert memory(spec, training=False).input == InputSpec().for_network(spec)
    assert memory(spec, training=False, optimizer="adam").optimizer is None
