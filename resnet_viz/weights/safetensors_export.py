"""A network's weights as a ``.safetensors`` file that says where they come from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from resnet_viz.weights.checkpoints.receipt import Receipt
    from resnet_viz.weights.loading import LoadedWeights

__all__ = ["METADATA_KEY", "metadata", "safetensors_bytes"]

METADATA_KEY: Final = "resnet_viz"  # one, since safetensors writes several in an order of chance


def safetensors_bytes(loaded: LoadedWeights) -> bytes:
    """All tensors of a network, with `metadata` under `METADATA_KEY`.

    Memory: the file twice while it is written, and once more the weights where they are not on
    the CPU yet.

    Args:
        loaded: The network and its receipt.

    Returns:
        A file that `loading.load` reads, as does anything that reads safetensors.

    Raises:
        BudgetError: That needs more memory than is free, or more than `load` would read.
    """
    import torch
    from safetensors.torch import save

    from resnet_viz.network.devices import require_memory
    from resnet_viz.weights.checkpoints.reading import MAX_FILE_BYTES

    state = loaded.model.state_dict()
    size = sum(value.numel() * value.element_size() for value in state.values())
    cpu = torch.device("cpu")
    require_memory(size, cpu, "The file of these weights", MAX_FILE_BYTES)
    require_memory(3 * size, cpu, "Writing these weights")
    tensors = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    return bytes(save(tensors, {METADATA_KEY: json.dumps(metadata(loaded))}))


def metadata(loaded: LoadedWeights) -> dict[str, Any]:
    """What the file says of its weights, in plain JSON values.

    ``spec`` is what `ResNetSpec.from_dict` reads; ``class_names`` are null where nobody knows
    them; ``receipt`` says what became of each tensor.
    """
    names = loaded.class_names
    return {
        "schema": 1,
        "spec": loaded.model.spec.to_dict(),
        "source": loaded.receipt.origin,
        "class_names": None if names is None else list(names),
        "receipt": _receipt(loaded.receipt),
    }


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "summary": receipt.summary,
        "notes": list(receipt.notes),
        "found": None if receipt.found is None else receipt.found.to_dict(),
        "tensors": [
            {"key": entry.key, "fate": entry.fate, "why": entry.why, "shape": list(entry.shape)}
            for entry in receipt.entries
        ],
    }
