"""Compute the memory of an inference pass or a training step, without running it.

The execution that is counted is the usual one::

    optimizer.zero_grad()  # sets the gradients to None
    loss = cross_entropy(model(pictures), labels)
    loss.backward()
    optimizer.step()

in the steady state, when the optimizer has its states; for inference, ``model(pictures)`` in
evaluation mode without gradients. Everything but indices and labels has the network's type, as
after ``model.to(dtype)``. A gradient of a parameter lives from its operation's backward step to
the end. The optimizers are those of `torch.optim`, in the way they run on a GPU unless told
otherwise (``foreach=True``). While it steps, Adam takes one more set of parameters for the root
of the second moment; its counters of steps, one number a tensor, are left out. So is weight
decay, for which all but AdamW take a set of gradients while they step.

On the CPU each step agrees with PyTorch to the byte (the optimizer's but for fewer than 64),
without what a kernel takes and gives back inside itself: some per cent of the maps of a small
network. On a GPU the allocator rounds each tensor up to 512 bytes, statistics of batch norms
are float32 in a half-precision network too, and workspaces, fragmentation and a context of some
hundred megabytes come on top. None of these is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resnet_viz.costs.profile_records import Integers
from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.costs.tensor_lifetimes import OPTIMIZER, PARTS, Schedule, make_schedule
from resnet_viz.network.spec import MAX_BATCH, InputSpec, ResNetSpec
from resnet_viz.network.validation import choice, integer

__all__ = ["OPTIMIZER_STATES", "Memory", "largest_batch", "memory"]

OPTIMIZER_STATES: Final[Mapping[str, int]] = MappingProxyType(
    {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}
)
"""Numbers that an optimizer keeps for each parameter."""

_ROOTS: Final = frozenset({"adam", "adamw"})  # take a set of parameters more while they step
_INTEGER_BYTES: Final = 8  # int64
_MAX_BYTES: Final = 2**62


@dataclass(frozen=True, eq=False)
class Memory:
    """Memory over the steps of an execution.

    Attributes:
        spec: The network.
        input: The input, its batch and channels filled in.
        dtype: The type of weights and activations.
        optimizer: A key of `OPTIMIZER_STATES`; None for inference.
        paths: The operation of each step; `tensor_lifetimes.LOSS` and ``OPTIMIZER``
            for what is none.
        phases: ``forward``, ``backward`` or ``optimizer``, one a step.
        parts: Bytes by what they are for, shape [5, steps], in the order of
            `resnet_viz.costs.tensor_lifetimes.PARTS`. Weights: the parameters and the running
            statistics. Kept: in training what autograd keeps for the backward pass, with the
            batch; in inference what variables of the program still hold. Working: outputs that
            something is yet to read, gradients that flow backwards, the optimizer's own. In
            inference the most of it is ``peak_activation_bytes`` of `profile`.
    """

    spec: ResNetSpec
    input: InputSpec
    dtype: str
    optimizer: str | None
    paths: tuple[str, ...]
    phases: tuple[str, ...]
    parts: Integers

    @cached_property
    def totals(self) -> Integers:
        """Bytes that are taken during each step, shape [steps]."""
        totals: Integers = self.parts.sum(axis=0)
        return totals

    @cached_property
    def peak_step(self) -> int:
        """The first of the steps during which the most is taken."""
        return int(self.totals.argmax())

    @property
    def peak_bytes(self) -> int:
        """The most that is taken during a step."""
        return int(self.totals[self.peak_step])

    @property
    def peak_path(self) -> str:
        """The operation that the peak belongs to."""
        return self.paths[self.peak_step]

    @property
    def peak_phase(self) -> str:
        """The pass in which the peak is."""
        return self.phases[self.peak_step]

    @property
    def peak_parts(self) -> dict[str, int]:
        """What the peak is made of, in bytes by part."""
        return self._column(self.parts[:, self.peak_step])

    @property
    def most_parts(self) -> dict[str, int]:
        """The most of each part during any step, in bytes; together more than the peak."""
        return self._column(self.parts.max(axis=1))

    def _column(self, values: Integers) -> dict[str, int]:
        return {part: int(value) for part, value in zip(PARTS, values, strict=True)}


def memory(
    spec: ResNetSpec,
    input: InputSpec | None = None,  # noqa: A002 - as in profile
    dtype: str = "float32",
    *,
    training: bool,
    optimizer: str = "sgd",
) -> Memory:
    """Return the memory of a network at one input size, for each step of its execution.

    Args:
        spec: The network.
        input: The input; left out, 224 x 224.
        dtype: A key of `resnet_viz.costs.profiling.DTYPE_BYTES`.
        training: A step of training; else a pass of inference.
        optimizer: A key of `OPTIMIZER_STATES`; of no effect on inference.

    Raises:
        SpecError: The input's channels are not the network's, or a name is unknown.
    """
    size = (input or InputSpec()).for_network(spec)
    choice("optimizer", optimizer, OPTIMIZER_STATES)
    schedule = make_schedule(spec, training)
    fixed, growing = _bytes(schedule, size, dtype, optimizer)
    parts = fixed + growing * size.batch
    parts.setflags(write=False)
    used = optimizer if training else None
    return Memory(spec, size, dtype, used, schedule.paths, schedule.phases, parts)


def largest_batch(
    spec: ResNetSpec,
    input: InputSpec | None,  # noqa: A002 - as in profile
    limit_bytes: int,
    dtype: str = "float32",
    *,
    training: bool,
    optimizer: str = "sgd",
) -> int:
    """Return the largest batch whose `memory` is within a limit; 0 if even one image is not.

    What is taken during a step is a number of bytes and one for each picture, so the answer is
    the minimum over the steps.

    Args:
        spec: The network.
        input: The input, its batch of no effect; None for 224 x 224.
        limit_bytes: What there is, from 0 to 2**62.
        dtype: As in `memory`.
        training: As in `memory`.
        optimizer: As in `memory`.

    Returns:
        At most `resnet_viz.network.spec.MAX_BATCH`.

    Raises:
        SpecError: As in `memory`; or the limit is out of its own limits.
    """
    limit = integer("limit_bytes", limit_bytes, 0, _MAX_BYTES)
    size = (input or InputSpec()).for_network(spec)
    choice("optimizer", optimizer, OPTIMIZER_STATES)
    fixed, growing = _bytes(make_schedule(spec, training), size, dtype, optimizer)
    left, slope = limit - fixed.sum(axis=0), growing.sum(axis=0)
    pictures = (left // np.maximum(slope, 1)).min()  # the batch itself is there in each step
    return int(min(max(pictures, 0), MAX_BATCH))


def _bytes(
    schedule: Schedule, size: InputSpec, dtype: str, optimizer: str
) -> tuple[Integers, Integers]:
    """Bytes by part and step, shape [5, steps]: those that are always there; for each picture."""
    item_bytes = DTYPE_BYTES[choice("dtype", dtype, DTYPE_BYTES)]
    sizes = _tensor_bytes(schedule, size, item_bytes)
    fixed = _alive(schedule, np.where(schedule.per_picture, 0, sizes))
    operations = schedule.plan.graph.operations
    params = sum(operation.params for operation in operations)
    counters = sum(operation.op == "batch_norm" for operation in operations)  # of batches, int64
    statistics = sum(operation.buffers for operation in operations) - counters
    fixed[PARTS.index("weights")] = item_bytes * (params + statistics) + _INTEGER_BYTES * counters
    if schedule.phases[-1] == OPTIMIZER:
        fixed[PARTS.index("optimizer")] = item_bytes * params * OPTIMIZER_STATES[optimizer]
        if optimizer in _ROOTS:
            fixed[PARTS.index("working"), -1] += item_bytes * params
    return fixed, _alive(schedule, np.where(schedule.per_picture, sizes, 0))


def _tensor_bytes(schedule: Schedule, size: InputSpec, item_bytes: int) -> Integers:
    """Bytes of each tensor, for one picture; Python integers where int64 might not do."""
    rows, columns = schedule.plan.sides(size.height, 0), schedule.plan.sides(size.width, 1)
    areas: list[int] = [rows[down] * columns[across] for down, across in schedule.spaces]
    bound = float(schedule.elements.sum()) * max(areas) * _INTEGER_BYTES * MAX_BATCH
    cells: NDArray[Any] = np.array([*areas, 1], dtype=np.int64 if bound < _MAX_BYTES else object)
    widths = np.where(schedule.integers, _INTEGER_BYTES, item_bytes)
    sizes: Integers = cells[schedule.space] * schedule.elements * widths
    return sizes


def _alive(schedule: Schedule, sizes: Integers) -> Integers:
    """Return the size of the tensors in memory, by part and step, shape [5, steps]."""
    change = np.zeros((len(PARTS), len(schedule.paths) + 1), dtype=sizes.dtype)
    np.add.at(change, (schedule.part, schedule.first), sizes)
    np.subtract.at(change, (schedule.part, schedule.last + 1), sizes)
    alive: Integers = change.cumsum(axis=1)[:, :-1]
    return alive
