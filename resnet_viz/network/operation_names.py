"""English names of the kinds of operation: ``conv2d`` is a convolution."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

__all__ = ["OPERATION_NAMES", "OperationName"]


class OperationName(NamedTuple):
    """The English names of one kind of operation.

    Attributes:
        name: The operation, such as ``max pooling``.
        family: The operation together with those like it, such as ``pooling``.
        heading: The family as the heading of a list, such as ``Batch norms``.
    """

    name: str
    family: str
    heading: str


OPERATION_NAMES: Final[Mapping[str, OperationName]] = MappingProxyType(
    {
        "conv2d": OperationName("convolution", "convolution", "Convolutions"),
        "batch_norm": OperationName("batch norm", "batch norm", "Batch norms"),
        "relu": OperationName("ReLU", "ReLU", "ReLUs"),
        "max_pool2d": OperationName("max pooling", "pooling", "Pooling"),
        "avg_pool2d": OperationName("average pooling", "pooling", "Pooling"),
        "adaptive_avg_pool2d": OperationName("global average pooling", "pooling", "Pooling"),
        "add": OperationName("addition", "addition", "Additions"),
        "pad": OperationName("zero padding", "zero padding", "Zero padding"),
        "flatten": OperationName("flattening", "flattening", "Flattening"),
        "linear": OperationName("linear layer", "linear layer", "Classifier"),
    }
)
"""The names of each value of `Operation.op`."""
