"""Files that are no checkpoint, or a trap: refused in one sentence, and no code of them is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from resnet_viz import weights
from resnet_viz.errors import WeightsError
from resnet_viz.model import build_model
from resnet_viz.weights import load_weights, read_checkpoint
from tests.checkpoints import FORMATS, SPEC, old_pth, pth, refused, some_state


class _Evil:
    """Unpickled by anything careless, this writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("save", [pth, old_pth, pickle.dumps])
def test_no_code_of_a_file_is_run(save: Callable[[Any], bytes], tmp_path: Path) -> None:
    trace = tmp_path / "it ran"
    data = save({"fc.weight": _Evil(trace)})
    assert "cannot be read safely" in refused(data) or "not a checkpoint" in refused(data)
    assert not trace.exists()
    if save is pickle.dumps:
        pickle.loads(data)
        assert trace.exists()  # it would have


def test_a_pickled_model_is_refused() -> None:
    assert "state dict" in refused(pth(build_model(SPEC)))


def _zip(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _safetensors(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


GOOD_PTH, GOOD_OLD, GOOD_SAFE = (make(some_state()) for make in FORMATS.values())
ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}

BROKEN = {
    "nothing": b"",
    "one byte": b"\x80",
    "text": b"these are no weights\n",
    "json": b'{"fc.weight": [1, 2]}',
    "zeros": bytes(1000),
    "noise": bytes(range(256)) * 8,
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "an empty pickle": pickle.dumps({})[:-1],
    "an endless pickle": b"\x80\x02" + b"(" * 10_000,
    "a pickle of a module": b"cos\nsystem\n(S'true'\ntR.",
    "an empty zip": _zip(),
    "a zip of text": _zip(readme=b"hello"),
    "a zip with a foreign pickle": _zip(
        **{"archive/data.pkl": b"nothing", "archive/version": b"3"}
    ),
    "half a zip": GOOD_PTH[: len(GOOD_PTH) // 2],
    "a zip without its end": GOOD_PTH[:-30],
    "half an old file": GOOD_OLD[: len(GOOD_OLD) // 2],
    "half a safetensors": GOOD_SAFE[: len(GOOD_SAFE) // 2],
    "a safetensors cut short": GOOD_SAFE[:-1],
    "a safetensors with more": GOOD_SAFE + b"x",
    "a huge header": struct.pack("<Q", 2**62) + b"{}",
    "the hugest header": struct.pack("<Q", 2**64 - 1) + b"{" + bytes(100),
    "a header that is no object": _safetensors(b"{[]"),
    "a header without offsets": _safetensors({"fc.bias": {"dtype": "F32", "shape": [2]}}),
    "offsets past the end": _safetensors({"fc.bias": ENTRY}),
    "offsets backwards": _safetensors({"fc.bias": ENTRY | {"data_offsets": [8, 0]}}, bytes(8)),
    "an unknown type": _safetensors({"fc.bias": ENTRY | {"dtype": "F7"}}, bytes(8)),
    "a negative shape": _safetensors({"fc.bias": ENTRY | {"shape": [-2]}}, bytes(8)),
    "a shape too large": _safetensors({"fc.bias": ENTRY | {"shape": [2**40, 2**40]}}, bytes(8)),
}

OTHER_THINGS = {
    "a tensor": torch.zeros(2),
    "a list": [torch.zeros(2)],
    "a number": 3,
    "nothing": None,
    "numbers by name": {"fc.weight": 1.0},
    "tensors by number": {1: torch.zeros(2)},
    "a sparse tensor": {"fc.bias": torch.ones(3).to_sparse()},
    "a tensor without values": {"fc.bias": torch.ones(3, device="meta")},
    "complex numbers": {"fc.bias": torch.ones(3, dtype=torch.complex64)},
    "a training checkpoint": {"state_dict": {"fc.weight": torch.zeros(2)}, "epoch": 3},
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_bytes_are_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    sentence = refused(BROKEN[name])
    assert "not a checkpoint that can be read safely" in sentence
    (tmp_path / "broken.pth").write_bytes(BROKEN[name])
    assert refused(str(tmp_path / "broken.pth")) == sentence


@pytest.mark.parametrize("name", OTHER_THINGS)
@pytest.mark.parametrize("save", [pth, old_pth])
def test_what_holds_something_else(name: str, save: Callable[[Any], bytes]) -> None:
    assert "something else than a state dict" in refused(save(OTHER_THINGS[name]))


@pytest.mark.parametrize("path", ["nowhere.pth", ".", "a\0b", "x" * 5000, "folder/none.pth"])
def test_a_file_that_is_not_there(path: str) -> None:
    sentence = refused(path)
    assert "no readable weights file" in sentence
    assert len(sentence) < 400


def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights.pth").write_bytes(GOOD_PTH)
    monkeypatch.setattr(weights, "MAX_FILE_BYTES", len(GOOD_PTH) - 1)
    monkeypatch.setattr(Path, "read_bytes", None)
    for source in (tmp_path / "weights.pth", GOOD_PTH):
        with pytest.raises(WeightsError, match=r"at most .* are read"):
            read_checkpoint(source)


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
    sentence = refused(data)
    assert "compressed archive" in sentence
    assert len(sentence) < 200


def test_a_zip_file_is_known_by_its_end_too() -> None:
    assert "compressed archive" in refused(b"before it" + _deflated(GOOD_PTH))


def test_entries_that_lie_over_one_another_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = zipfile.ZipFile(io.BytesIO(GOOD_PTH)).infolist()
    whole = sum(entry.file_size for entry in entries)
    claims = bytearray(GOOD_PTH)
    place = claims.index(b"PK\x01\x02") + 24  # the first entry's size in the directory
    claims[place : place + 4] = struct.pack("<I", 2**31)
    assert whole < len(GOOD_PTH)
    assert "unpacks to more than" in refused(bytes(claims))
    monkeypatch.setattr(weights, "MAX_FILE_BYTES", len(GOOD_PTH))
    read_checkpoint(GOOD_PTH)


def test_a_broken_directory_is_refused() -> None:
    broken = GOOD_PTH.replace(b"PK\x01\x02", b"PK\x01\x03")
    assert "not a checkpoint that can be read safely" in refused(broken)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_read_up_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe.pth"
    os.mkfifo(pipe)

    def write(data: bytes) -> None:
        with suppress(BrokenPipeError), pipe.open("wb") as file:
            file.write(data)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(write, GOOD_PTH)
        assert read_checkpoint(pipe).keys() == some_state().keys()
        monkeypatch.setattr(weights, "MAX_FILE_BYTES", 100_000)
        pool.submit(write, bytes(1_000_000))
        with pytest.raises(WeightsError, match=r"at most 100.0 kB are read"):
            read_checkpoint(pipe)
