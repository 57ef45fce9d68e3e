"""Weights written are weights read, and the file says where they come from."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st

from resnet_viz import ResNetSpec, build_model
from resnet_viz.errors import BudgetError
from resnet_viz.images import drawn_patterns
from resnet_viz.network import devices
from resnet_viz.weights.checkpoints import reading
from resnet_viz.weights.checkpoints.state_dicts import Checkpoint
from resnet_viz.weights.loading import load
from resnet_viz.weights.safetensors_export import METADATA_KEY, metadata, safetensors_bytes
from tests.helpers.strategies import specs

TINY = ResNetSpec(block="basic", blocks=(1, 1), base_width=8, num_classes=5)


def _said(data: bytes) -> dict[str, Any]:
    """The file's own words; https://github.com/huggingface/safetensors describes the format."""
    (length,) = struct.unpack("<Q", data[:8])
    words = json.loads(data[8 : 8 + length])["__metadata__"]
    assert set(words) == {METADATA_KEY}
    found: dict[str, Any] = json.loads(words[METADATA_KEY])
    return found


@settings(max_examples=8)
@given(specs(max_planes=24, max_blocks=2, max_stages=3), st.integers(0, 99))
def test_what_is_written_is_read(spec: ResNetSpec, seed: int) -> None:
    written = load(spec, f"random:{seed}")
    data = safetensors_bytes(written)
    read = load(spec, data)
    before, after = written.model.state_dict(), read.model.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert {entry.fate for entry in read.receipt.entries} == {"kept"}
    assert ResNetSpec.from_dict(_said(data)["spec"]) == spec
    assert safetensors_bytes(written) == data


def test_adapted_weights_tell_their_story() -> None:
    source = build_model(replace(TINY, num_classes=7), seed=4).state_dict()
    checkpoint = Checkpoint({**source, "teacher.fc.weight": torch.zeros(2)}, ("Read in a test.",))
    grey = load(replace(TINY, in_channels=1), checkpoint, first_conv="sum", seed=1)
    data = safetensors_bytes(grey)
    said = _said(data)
    assert said["class_names"] is None
    receipt = said["receipt"]
    assert receipt["summary"] == grey.receipt.summary
    assert receipt["notes"] == list(grey.receipt.notes)
    assert grey.receipt.found is not None
    assert ResNetSpec.from_dict(receipt["found"]) == grey.receipt.found
    fates = {tensor["key"]: tensor["fate"] for tensor in receipt["tensors"]}
    assert fates["conv1.weight"] == "adapted"
    assert fates["fc.weight"] == "fresh"
    assert fates["teacher.fc.weight"] == "left out"
    shapes = {tensor["key"]: tensor["shape"] for tensor in receipt["tensors"]}
    assert shapes["conv1.weight"] == [8, 1, 7, 7]
    after = load(replace(TINY, in_channels=1), data).model.state_dict()
    wanted = source["conv1.weight"].sum(1, keepdim=True)
    assert torch.allclose(after["conv1.weight"], wanted, atol=1e-6)


def test_names_of_classes_go_along() -> None:
    loaded = load(drawn_patterns.SPEC, "patterns")
    said = metadata(loaded)
    assert said["class_names"] == list(drawn_patterns.CLASSES)
    assert said["source"] == "patterns"
    assert json.loads(json.dumps(said)) == said


def test_weights_of_any_device(device: str) -> None:
    here = load(TINY, "random:2", device)
    assert safetensors_bytes(here) == safetensors_bytes(load(TINY, "random:2"))
    assert next(here.model.parameters()).device.type == torch.device(device).type


def test_what_would_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(TINY)
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 1000)
    with pytest.raises(BudgetError, match=r"^The file of these weights would need \d"):
        safetensors_bytes(loaded)
    monkeypatch.undo()
    monkeypatch.setattr(devices, "free_bytes", lambda _: 1000)
    with pytest.raises(BudgetError, match=r"^Writing these weights would need \d"):
        safetensors_bytes(loaded)
