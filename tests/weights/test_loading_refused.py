"""Pickles that are no checkpoint, or a trap: refused in one sentence, and no code of them is run.

Read with the code that the process of their own runs, in this one, so as not to wait for it;
`test_checkpoints.py` starts it.
"""

from __future__ import annotations

import argparse
import builtins
import collections
import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st

from resnet_viz.errors import WeightsError
from resnet_viz.network.model import build_model
from resnet_viz.weights.checkpoints import reading
from resnet_viz.weights.checkpoints.reading import read_checkpoint
from resnet_viz.weights.loading import load_weights
from tests.helpers.checkpoint_files import (
    FORMATS,
    SPEC,
    Calls,
    old_pth,
    pth,
    read_in_this_process,
    refused,
    some_state,
)

SAVES = [pth, old_pth]


@pytest.fixture(autouse=True, scope="module")
def _without_a_wait() -> Iterator[None]:
    with read_in_this_process():
        yield


# Code.


@pytest.mark.parametrize("save", [*SAVES, pickle.dumps])
@pytest.mark.parametrize("nested", [False, True])
def test_no_code_of_a_file_is_run(
    save: Callable[[Any], bytes], nested: bool, tmp_path: Path
) -> None:
    canary = tmp_path / "it ran"
    for call in (
        Calls(Path.touch, canary),
        Calls(os.system, f"touch '{canary}'"),
        Calls(os.mkdir, str(canary)),
        Calls(eval, f"open({str(canary)!r}, 'w')"),
        Calls(exec, f"open({str(canary)!r}, 'w')"),
        Calls(open, str(canary), "w"),
        Calls(getattr, Calls(__import__, "os"), "mkdir"),
        Calls(torch.save, torch.ones(1), str(canary)),
        Calls(torch.load, str(canary)),
    ):
        thing = {"state_dict": {"fc.weight": call}} if nested else call
        sentence = refused(save(thing))
        assert "could run code and is not loaded" in sentence or (
            save is pickle.dumps and "read safely" in sentence
        )
        assert not canary.exists()
    if save is pickle.dumps:
        pickle.loads(save(Calls(Path.touch, canary)))
        assert canary.exists()  # it would have


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: build_model(SPEC), "resnet_viz.network.model.ResNet"),
        (lambda: torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (lambda: argparse.Namespace(lr=0.1), "argparse.Namespace"),
        (lambda: Path("here"), "pathlib"),
        (lambda: Calls(builtins.range, 3), "range"),
        (lambda: Calls(collections.UserDict), "collections.UserDict"),
    ],
)
def test_what_a_checkpoint_calls_for_is_named(
    save: Callable[[Any], bytes], make: Callable[[], object], named: str
) -> None:
    sentence = refused(save({"state_dict": some_state(), "hyper_parameters": make()}))
    assert f"it calls for {named}" in sentence
    assert "save model.state_dict() alone" in sentence


def test_a_torchscript_archive() -> None:
    archive = _zip(
        **{
            "net/data.pkl": pickle.dumps({}),
            "net/constants.pkl": pickle.dumps(()),
            "net/code/__torch__.py": b"import os",
        }
    )
    assert "TorchScript archive, which holds a program" in refused(archive)


# What is damaged, or something else.


def _zip(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


GOOD_PTH, GOOD_OLD, GOOD_SAFE = (make(some_state()) for make in FORMATS.values())

BROKEN = {
    "one byte": b"\x80",
    "noise": bytes(range(128, 256)) * 8,
    "an empty pickle": pickle.dumps({})[:-1],
    "a pickle and no more": pickle.dumps({"fc.weight": [1, 2]}),
    "an endless pickle": b"\x80\x02" + b"(" * 10_000,
    "a deep pickle": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "a pickle with a hole": b"\x80\x02h\x05.",
    "a long claim": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",
    "an empty zip": _zip(),
    "a zip of text": _zip(readme=b"hello"),
    "a zip with a foreign pickle": _zip(
        **{"archive/data.pkl": b"nothing", "archive/version": b"3"}
    ),
    "a zip without its tensors": _zip(
        **{
            "archive/data.pkl": zipfile.ZipFile(io.BytesIO(GOOD_PTH)).read("archive/data.pkl"),
            "archive/version": b"3",
        }
    ),
    "half a zip": GOOD_PTH[: len(GOOD_PTH) // 2],
    "a zip without its end": GOOD_PTH[:-30],
    "a zip of broken parts": GOOD_PTH.replace(b"PK\x01\x02", b"PK\x01\x03"),
    "a picture and a zip": b"\x89PNG\r\n\x1a\n" + GOOD_PTH,
    "half an old file": GOOD_OLD[: len(GOOD_OLD) // 2],
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_bytes_are_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    sentence = refused(BROKEN[name])
    assert "not a checkpoint that can be read safely" in sentence
    (tmp_path / "broken.pth").write_bytes(BROKEN[name])
    assert refused(tmp_path / "broken.pth") == sentence


@pytest.mark.parametrize("save", SAVES)
def test_views_past_the_end_of_their_storage(save: Callable[[Any], bytes]) -> None:
    typed: Any = torch.storage.TypedStorage  # as pickles have it
    no_hooks: collections.OrderedDict[str, object] = collections.OrderedDict()
    for size, stride in (((100,), (1,)), ((2**40,), (1,)), ((2,), (2**40,)), ((2,), (-1,))):
        values = torch.zeros(4).untyped_storage()
        storage = typed(wrap_storage=values, dtype=torch.float32, _internal=True)
        rebuild = torch._utils._rebuild_tensor_v2
        view = Calls(rebuild, storage, 0, size, stride, False, no_hooks)
        sentence = refused(save({"fc.weight": view}))
        assert "read safely" in sentence or "more memory than a file of its size" in sentence


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize(
    "thing", [torch.zeros(2), [torch.zeros(2)], 3, None, {"fc.weight": 1.0}, {}], ids=str
)
def test_what_holds_something_else(thing: object, save: Callable[[Any], bytes]) -> None:
    assert "something else than a state dict" in refused(save(thing))


@pytest.mark.parametrize("save", SAVES)
def test_a_state_dict_of_something_else(save: Callable[[Any], bytes]) -> None:
    assert "is no ResNet's" in refused(save({"features.0.weight": torch.ones(2)}))
    assert "convolution conv1.weight is missing" in refused(
        save({"layer1.0.conv1.weight": torch.ones(4, 4, 3, 3)})
    )


@pytest.mark.parametrize("data", [GOOD_PTH, GOOD_OLD, GOOD_SAFE], ids=FORMATS)
def test_files_cut_short(data: bytes) -> None:
    for length in (*range(40), *range(40, len(data), 997), len(data) - 1):
        with suppress(WeightsError):  # the very last bytes of a pickle may not matter
            assert read_checkpoint(data[:length]).state.keys() == some_state().keys()
            assert length > len(data) - 100


@given(
    base=st.sampled_from((GOOD_PTH, GOOD_OLD, GOOD_SAFE)),
    changes=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=4),
    length=st.none() | st.integers(0, 3000),
)
def test_damaged_files_load_or_are_refused(
    base: bytes, changes: list[tuple[int, int]], length: int | None
) -> None:
    data = bytearray(base)
    for place, value in changes:
        data[place] = value
    with suppress(WeightsError):  # any other error is a bug
        load_weights(SPEC, bytes(data[:length]))


# What inflates.


def _deflated(data: bytes) -> bytes:
    """The same archive, its entries compressed."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as stored,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for entry in stored.infolist():
            archive.writestr(entry.filename, stored.read(entry))
    return buffer.getvalue()


def test_a_small_file_does_not_inflate(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _deflated(pth({"fc.weight": torch.zeros(1_000_000)}))
    assert len(data) < 10_000
    assert torch.load(io.BytesIO(data))["fc.weight"].numel() == 1_000_000  # torch would
    monkeypatch.setattr(torch, "load", None)
    assert "compressed archive" in refused(data)


def test_entries_that_lie_over_one_another_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = zipfile.ZipFile(io.BytesIO(GOOD_PTH)).infolist()
    whole = sum(entry.file_size for entry in entries)
    claims = bytearray(GOOD_PTH)
    place = claims.index(b"PK\x01\x02") + 24  # the first entry's size in the directory
    claims[place : place + 4] = struct.pack("<I", 2**31)
    assert whole < len(GOOD_PTH)
    assert "unpacks to more than" in refused(bytes(claims))
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", len(GOOD_PTH))
    assert read_checkpoint(GOOD_PTH).state.keys() == some_state().keys()


def test_long_names_are_cut() -> None:
    state = {"layer1.0." + "x" * 10_000: torch.zeros(1)}
    assert len(refused(pth(some_state() | state))) < 500
    assert len(refused(pth(state))) < 500
    assert len(refused(pth({"x" * 10_000: {"y" * 10_000: torch.ones(1).to_sparse()}}))) < 500
