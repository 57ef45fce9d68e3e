"""What other libraries say of a network at an input size, each asked in its fastest way.

They measure our own `nn.Module`: torchvision's classes are not needed, and it cannot be
imported everywhere. The difference is small: ours has a module more for each addition.
"""

from __future__ import annotations

from typing import Any

import torch
import torchinfo
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchview import draw_graph
from torchview.computation_node import ModuleNode

from resnet_viz import InputSpec

__all__ = ["count_macs", "fvcore_count", "torchinfo_summary", "torchview_graph", "torchview_shapes"]


def count_macs(model: nn.Module, size: InputSpec) -> int:
    """The MACs of a model on the meta device, counted by torch itself; never timed."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(_picture(size, "meta"))
    return int(counter.get_total_flops()) // 2


def torchinfo_summary(model: nn.Module, size: InputSpec) -> Any:
    """Statistics of torchinfo, from a forward pass on the device of the model.

    Its cache is keyed by the name of the class, whatever the size: it must stay off.
    """
    return torchinfo.summary(
        model,
        input_size=(1, 3, size.height, size.width),
        device=next(model.parameters()).device,
        cache_forward_pass=False,
        verbose=0,
    )


def fvcore_count(model: nn.Module, size: InputSpec) -> Any:
    """Analysis of fvcore, counted. It traces with torch.jit, which fails on the meta device."""
    analysis = FlopCountAnalysis(model, _picture(size, "cpu"))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()
    return analysis


def torchview_graph(model: nn.Module, size: InputSpec) -> Any:
    """Graph of torchview, all modules open, on the meta device; it always makes the DOT too."""
    shape = (1, 3, size.height, size.width)
    return draw_graph(model, input_size=shape, device="meta", depth=10)


def torchview_shapes(graph: Any) -> list[tuple[int, ...]]:
    """The shapes of all outputs in a graph of torchview, which are all that it measures."""
    nodes = dict.fromkeys(node for edge in graph.edge_list for node in edge)
    return [
        tuple(shape)
        for node in nodes
        if isinstance(node, ModuleNode)
        for shape in node.output_shape
    ]


def _picture(size: InputSpec, device: str) -> torch.Tensor:
    return torch.zeros(1, 3, size.height, size.width, device=device)
