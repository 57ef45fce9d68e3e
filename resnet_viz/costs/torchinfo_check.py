"""An independent count beside ours: torchinfo on the same network, row by row."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final

from resnet_viz.costs.profile_records import LayerProfile, Profile

__all__ = ["Witness", "call_witness"]

# torchinfo keeps what it counts in module globals, and sessions are threads of one process.
_TORCHINFO: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Witness:
    """What torchinfo says of a network, and how it compares with our profile.

    Attributes:
        summary: torchinfo's own table.
        layers: How many of our rows it lists too. (It sees modules alone: all of ours.)
        differences: A line for each shape, parameter count or multiply-add that differs.
        mult_adds: Its count of multiply-adds for the whole network.
        batch_norm_adds: What it counts for batch norms and we do not: their parameters, once a
            picture.
        bias_adds: What it counts for the biases of the classifier and we do not.
    """

    summary: str
    layers: int
    differences: tuple[str, ...]
    mult_adds: int
    batch_norm_adds: int
    bias_adds: int

    @property
    def agrees(self) -> bool:
        """Whether every shape, parameter count and multiply-add is ours."""
        return not self.differences


def call_witness(report: Profile) -> Witness:
    """Have torchinfo summarise the profile's network, on the meta device.

    torchinfo counts the multiply-adds of a convolution or linear layer as its parameters times
    the output positions, biases included, and of a batch norm as its parameters (torchinfo
    1.8, ``layer_info.py``); we leave biases and batch norms out, as PyTorch's FlopCounterMode
    does.
    """
    import torch
    import torchinfo

    from resnet_viz.network.model import build_model

    size = report.input
    with _TORCHINFO, torch.inference_mode():
        result = torchinfo.summary(
            build_model(report.spec, "meta"),
            input_data=torch.empty(
                size.batch, report.spec.in_channels, size.height, size.width, device="meta"
            ),
            col_names=("output_size", "num_params", "mult_adds"),
            depth=4,
            verbose=0,
            device="meta",
        )
    ours = report.by_path
    rows = {path: row for row in result.summary_list if (path := _path(row)) in ours}
    differences = [f"{path}: not listed" for path in ours if path not in rows]
    for path, row in rows.items():
        differences += _differences(ours[path], row, size.batch)
    total = int(result.total_mult_adds)
    extra_norm = size.batch * sum(r.params for r in report.layers if r.op == "batch_norm")
    extra_bias = size.batch * report.spec.num_classes
    if total != report.totals.macs + extra_norm + extra_bias:
        differences.append(f"the whole network: {total} multiply-adds")
    if int(result.total_params) != report.totals.params:
        differences.append(f"the whole network: {result.total_params} parameters")
    return Witness(str(result), len(rows), tuple(differences), total, extra_norm, extra_bias)


def _path(row: Any) -> str:
    """The module's path of one of torchinfo's rows."""
    names: list[str] = []
    while row is not None and row.depth > 0:
        names.append(row.var_name)
        row = row.parent_info
    return ".".join(reversed(names))


def _differences(ours: LayerProfile, row: Any, batch: int) -> list[str]:
    """Where torchinfo's row departs from ours, its conventions taken into account."""
    found = []
    if tuple(row.output_size) != ours.output_shape:
        found.append(f"{ours.path}: output {list(row.output_size)}")
    if max(int(row.num_params), 0) != ours.params:
        found.append(f"{ours.path}: {row.num_params} parameters")
    expected = ours.macs
    if ours.op == "batch_norm":
        expected = batch * ours.params
    elif ours.op == "linear":
        expected += batch * ours.output_shape[1]
    if int(row.macs) != expected:
        found.append(f"{ours.path}: {row.macs} multiply-adds")
    return found
