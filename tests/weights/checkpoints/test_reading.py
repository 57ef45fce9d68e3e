"""Checkpoints read as users have it: safetensors here, pickles in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save as safetensors_bytes

from resnet_viz.errors import WeightsError
from resnet_viz.weights.checkpoints import reading
from resnet_viz.weights.checkpoints.reading import read_checkpoint
from tests.helpers.checkpoint_files import Calls, old_pth, pth, safetensors_with, some_state

MATCHING = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, empty."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def sentence_for(source: Path | bytes) -> str:
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(source)
    return str(caught.value)


# The process of its own: each of these waits for its import of torch.


def test_a_training_checkpoint(tmp_path: Path, temporary: Path) -> None:
    state = some_state() | {
        "a view": torch.arange(6.0).reshape(2, 3).T,
        "expanded": torch.ones(1).expand(2, 3),
        "half": torch.ones(2, dtype=torch.bfloat16),
    }
    state["shared"] = state["fc.weight"]
    optimizer = {"state": {0: {"exp_avg": torch.zeros(3)}}}
    (tmp_path / "run.pth").write_bytes(
        pth({"optimizer": optimizer, "state_dict": state, "epoch": 3})
    )
    found = read_checkpoint(tmp_path / "run.pth")
    assert found.state.keys() == state.keys()
    for key, value in state.items():
        assert torch.equal(found.state[key], value), key
        assert found.state[key].dtype == value.dtype
        assert found.state[key].is_contiguous()
    assert found.state["shared"].data_ptr() != found.state["fc.weight"].data_ptr()
    assert found.notes == (
        "The state dict stood under state_dict.",
        "Not looked at, beside it: optimizer, epoch.",
    )
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("save", [pth, old_pth])
def test_no_code_of_a_file_is_run(
    save: Callable[[Any], bytes], tmp_path: Path, temporary: Path
) -> None:
    canary = tmp_path / "it ran"
    sentence = sentence_for(save({"fc.weight": Calls(os.system, f"touch '{canary}'")}))
    assert "it calls for posix.system" in sentence or "it calls for nt.system" in sentence
    assert not canary.exists()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "bomb",
    [Calls(bytearray, 10**10), torch.ones(1).expand(499_000_000)],
    ids=["an array of bytes", "a view"],
)
def test_a_small_file_does_not_take_much_memory(bomb: object) -> None:
    data = pth({"fc.weight": bomb})
    assert len(data) < 2000
    assert "needs more memory than a file of its size should" in sentence_for(data)


def test_the_limits_of_the_process() -> None:
    code = """if True:
        import json, resource
        from resnet_viz.weights.checkpoints.reader_process import limit_process
        limit_process(1000, 5)
        limits = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU)
        print(json.dumps([resource.getrlimit(limit) for limit in limits]))
        limit_process(10**9, 500)  # limits are not raised again
        print(json.dumps([resource.getrlimit(limit) for limit in limits]))
    """
    root = Path(reading.__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == second
    (memory, _), (written, _), (seconds, most_seconds) = first
    assert 512_004_000 < memory < 2**40  # with what torch has mapped
    assert written == 512_004_000
    assert 5 < seconds < 60
    assert seconds == most_seconds


# The parent, against whatever the process may do.


def test_a_process_that_takes_too_long_is_stopped(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    monkeypatch.setattr(reading, "_LEAST_SECONDS", 0.2)
    monkeypatch.setattr(reading, "_START", "import time; time.sleep(1000)")
    assert "took longer than 0 seconds and was stopped" in sentence_for(pth(some_state()))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "code",
    [
        "import os; os._exit(3)",
        "import os; os.abort()",
        "print('x' * 10_000_000)",
        "write('[]')",
        "write('[' * 50_000)",
        "write('{\"notes\": 3}')",
        "write('\"notes\"')",
        "write('{' + ' ' * 1_000_000 + '}')",
        "(folder / 'report.json').mkdir()",
    ],
)
def test_a_process_that_says_nothing_of_use(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _run_instead(monkeypatch, code)
    assert "came to a sudden end" in sentence_for(pth(some_state()))


def _run_instead(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Have the process run other code, which knows its folder."""
    start = (
        "import sys, pathlib; folder = pathlib.Path(sys.argv[3]); "
        "write = (folder / 'report.json').write_text; "
    )
    monkeypatch.setattr(reading, "_START", start + code)


@pytest.mark.parametrize(
    "tensors",
    [
        "",
        "(folder / 'tensors.safetensors').write_bytes(bytes(8))",
        "(folder / 'tensors.safetensors').write_bytes(b'\\xff' * 8 + b'{}')",
    ],
)
def test_what_the_process_wrote_is_trusted_no_more_than_a_file(
    tensors: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run_instead(monkeypatch, f"write('{{\"notes\": []}}'); {tensors}")
    assert "not a checkpoint that can be read safely" in sentence_for(pth(some_state()))


def test_a_sentence_of_the_process_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    _run_instead(monkeypatch, "write('{\"error\": \"' + 'x' * 50_000 + '\"}')")
    assert sentence_for(pth(some_state())) == "x" * 1000


def test_the_process_sees_little_of_this_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("A_SECRET", "x")
    monkeypatch.setenv("PYTHONSTARTUP", "x")
    seen = tmp_path / "seen"
    _run_instead(
        monkeypatch,
        f"import os; pathlib.Path({str(seen)!r}).write_text("
        "' '.join(os.environ) + '|' + os.environ['CUDA_VISIBLE_DEVICES'] + '|' "
        "+ str(sys.flags.isolated) + '|' + sys.stdin.read())",
    )
    sentence_for(pth(some_state()))
    names, cards, isolated, given = seen.read_text().split("|")
    assert not {"A_SECRET", "PYTHONSTARTUP", "HOME"} & set(names.split())
    assert (cards, isolated, given) == ("", "1", "")


# What needs no process.


@pytest.fixture
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_read_apart", None)


@pytest.mark.usefixtures("_no_process")
def test_safetensors_need_no_process(tmp_path: Path, temporary: Path) -> None:
    state = some_state() | {"half": torch.ones(2, dtype=torch.bfloat16)}
    data = safetensors_bytes(state, {"format": "pt"})
    (tmp_path / "weights.pth").write_bytes(data)
    for source in (data, tmp_path / "weights.pth"):
        found = read_checkpoint(source)
        assert found.state.keys() == state.keys()
        assert all(torch.equal(found.state[key], value) for key, value in state.items())
        assert found.notes == ()
    assert (tmp_path / "weights.pth").read_bytes() == data
    assert list(temporary.iterdir()) == []


GOOD = safetensors_bytes(some_state())
DAMAGED = {
    "half of it": GOOD[: len(GOOD) // 2],
    "cut short": GOOD[:-1],
    "with more": GOOD + b"x",
    "a header past the end": safetensors_with({}).replace(b"\x02", b"\x09", 1),
    "a huge header": (2**62).to_bytes(8, "little") + b"{}",
    "the hugest header": (2**64 - 1).to_bytes(8, "little") + b"{" + bytes(100),
    "a header above the limit": safetensors_with(b"{" + b" " * 10**7 + b"}"),
    "a header that is no object": safetensors_with(b"{[]"),
    "a deep header": safetensors_with(b'{"a":' * 10_000),
    "a header of other bytes": safetensors_with(b"{\xff\xfe}"),
    "no offsets": safetensors_with({"fc.bias": {"dtype": "F32", "shape": [2]}}),
    "offsets past the end": safetensors_with({"fc.bias": MATCHING}),
    "offsets backwards": safetensors_with(
        {"fc.bias": MATCHING | {"data_offsets": [8, 0]}}, bytes(8)
    ),
    "offsets of another size": safetensors_with(
        {"fc.bias": MATCHING | {"data_offsets": [0, 4]}}, bytes(4)
    ),
    "one over the other": safetensors_with({"a": MATCHING, "b": MATCHING}, bytes(8)),
    "a gap": safetensors_with(
        {"a": MATCHING, "b": MATCHING | {"data_offsets": [16, 24]}}, bytes(24)
    ),
    "one key twice": safetensors_with(
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
        b'"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}',
        bytes(16),
    ),
    "an unknown type": safetensors_with({"fc.bias": MATCHING | {"dtype": "F7"}}, bytes(8)),
    "a negative shape": safetensors_with({"fc.bias": MATCHING | {"shape": [-2]}}, bytes(8)),
    "a shape too large": safetensors_with(
        {"fc.bias": MATCHING | {"shape": [2**40, 2**40]}}, bytes(8)
    ),
    "a shape that overflows to fit": safetensors_with(
        {"fc.bias": MATCHING | {"shape": [2**63, 2, 2], "data_offsets": [0, 0]}}
    ),
    "a shape in words": safetensors_with({"fc.bias": MATCHING | {"shape": ["2"]}}, bytes(8)),
}


@pytest.mark.usefixtures("_no_process")
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_safetensors_file(name: str) -> None:
    assert "damaged, or its header does not fit" in sentence_for(DAMAGED[name])


OTHER = {
    "nothing": b"",
    "one byte": b"P",
    "text": b"these are no weights\n",
    "json": b'{"fc.weight": [1, 2]}',
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "zeros": bytes(1000),
    "a picture before an archive": b"\x89PNG\r\n\x1a\n" + bytes(64) + pth(some_state()),
    "the oldest pickle": b"cos\nsystem\n(S'true'\ntR.",
    "a tar archive": b"sys_info" + bytes(504),
}


@pytest.mark.usefixtures("_no_process")
@pytest.mark.parametrize("name", OTHER)
def test_what_is_neither_archive_nor_pickle(name: str) -> None:
    assert "is not a checkpoint that can be read safely" in sentence_for(OTHER[name])


@pytest.mark.usefixtures("_no_process")
def test_tensors_of_unusual_types() -> None:
    for kind in ("F8_E4M3", "U16", "C64"):
        size = {"F8_E4M3": 2, "U16": 4, "C64": 16}[kind]
        header = {"fc.bias": MATCHING | {"dtype": kind, "data_offsets": [0, size]}}
        assert "save them as float32" in sentence_for(safetensors_with(header, bytes(size)))


@pytest.mark.usefixtures("_no_process")
def test_many_tiny_tensors() -> None:
    many = safetensors_bytes({f"t{index}": torch.zeros(1) for index in range(20_001)})
    assert "20,001 tensors, and at most 20,000" in sentence_for(many)


@pytest.mark.usefixtures("_no_process")
def test_too_many_tensors_are_counted_before_they_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the tensors were made")

    monkeypatch.setattr(reading, "load_file", never)
    header = {
        str(i): {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]} for i in range(30_000)
    }
    sentence = sentence_for(safetensors_with(header, bytes(30_000)))
    assert "not a checkpoint that can be read safely" in sentence


@pytest.mark.usefixtures("_no_process")
@pytest.mark.parametrize("name", ["nowhere.pth", ".", "a\0b", "x" * 5000, "folder/none.pth"])
def test_a_file_that_is_not_there(name: str) -> None:
    sentence = sentence_for(Path(name))
    assert "no readable weights file" in sentence
    assert len(sentence) < 400


@pytest.mark.usefixtures("_no_process")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pth"
    os.mkfifo(pipe)
    assert "no readable weights file" in sentence_for(pipe)


@pytest.mark.usefixtures("_no_process")
def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights.pth").write_bytes(GOOD)
    monkeypatch.setattr(reading, "_read", None)
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", len(GOOD) - 1)
    for source in (tmp_path / "weights.pth", GOOD):
        assert "is too large: at most" in sentence_for(source)


@pytest.mark.parametrize("place", ["subprocess.run", "pathlib.Path.write_bytes"])
def test_a_machine_without_room(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(place, fail)
    sentence = sentence_for(pth(some_state()))
    assert sentence == (
        "This checkpoint could not be read: No space left on device; see to that and try again."
    )
