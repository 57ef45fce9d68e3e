"""Checkpoint files of strangers to tensors by name; whatever is in them, no code of it is run.

A ``.safetensors`` file is a table of shapes and places before plain numbers: it is read in this
process, once its header's size, the number of its tensors and the free memory have been checked.
Anything else is a pickle, and read in a process of its own with little memory and time
(`reader_process`), which hands back a safetensors file.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch
from safetensors.torch import load_file
from torch import Tensor

from resnet_viz.errors import BudgetError, WeightsError
from resnet_viz.network.devices import require_memory
from resnet_viz.weights.checkpoints.reader_process import REPORT_NAME, TENSORS_NAME, UNREADABLE
from resnet_viz.weights.checkpoints.state_dicts import (
    MAX_TENSORS,
    Checkpoint,
    find_state_dict,
    too_large,
)

__all__ = ["MAX_FILE_BYTES", "MAX_HEADER_BYTES", "Checkpoint", "read_checkpoint"]

MAX_FILE_BYTES: Final = 2 * 10**9
# Of a safetensors file; the format itself allows ten times as much.
MAX_HEADER_BYTES: Final = 10**7

_MAX_REPORT_BYTES: Final = 100_000
_LEAST_SECONDS: Final = 60.0  # to import torch takes some on a busy machine
_BYTES_PER_SECOND: Final = 20 * 10**6

# Each process may take several times its file in memory.
_READERS: Final = threading.BoundedSemaphore(2)

# What can be imported here can be imported there, and nothing else: -I leaves out what PYTHON*
# variables, the working folder and the user's site would add.
_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from resnet_viz.weights.checkpoints.reader_process import main; main()"
)
_ENVIRONMENT: Final = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "TMPDIR", "TEMP", "TMP")


def read_checkpoint(source: Path | bytes) -> Checkpoint:
    """The tensors of a checkpoint: ``.safetensors``, or what ``torch.save`` wrote, new or old.

    The format is recognised by the content, not the name.

    Raises:
        WeightsError: There is no such file, it is too large, it holds more than tensors by
            name, or reading it takes too much memory or time.
    """
    try:
        if isinstance(source, Path):
            return _read(_checked(source))
        if len(source) > MAX_FILE_BYTES:
            raise too_large("is too large", MAX_FILE_BYTES)
        with TemporaryDirectory(prefix="resnet_viz_") as folder:
            path = Path(folder) / "checkpoint"
            path.write_bytes(source)
            return _read(path)
    except OSError as error:  # a full disk, no more processes, a file that has just gone
        raise WeightsError(
            f"This checkpoint could not be read: {error.strerror or error}; see to that and try "
            "again."
        ) from error


def _checked(path: Path) -> Path:
    """The path of a file that is there, in full.

    Raises:
        WeightsError: There is none, or it is too large.
    """
    try:
        path = path.resolve()
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe could keep us waiting for ever
            raise OSError("not a file")  # noqa: TRY301
        path.open("rb").close()
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"There is no readable weights file {str(path)[:200]!r}; give random:<seed> or the "
            "path of a .safetensors or .pth file."
        ) from error
    if found.st_size > MAX_FILE_BYTES:
        raise too_large("is too large", MAX_FILE_BYTES)
    return path


def _read(path: Path) -> Checkpoint:
    with path.open("rb") as file:
        start = file.read(9)
    # https://github.com/huggingface/safetensors: 8 bytes of header length, then JSON.
    if start[8:] == b"{":
        return find_state_dict(_load_safetensors(path), MAX_FILE_BYTES)
    if not start.startswith((b"PK\x03\x04", b"\x80")):  # neither an archive nor a pickle
        raise WeightsError(UNREADABLE)
    with _READERS, TemporaryDirectory(prefix="resnet_viz_") as folder:
        return _read_apart(path, Path(folder))


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file.

    Raises:
        WeightsError: It is broken.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MAX_HEADER_BYTES:
                raise ValueError("a header of unlikely size")  # noqa: TRY301
            # Counted before they are made; the file's size bounds what they take.
            if len(json.loads(file.read(length))) > MAX_TENSORS + 1:
                raise ValueError("more tensors than are read")  # noqa: TRY301
        with _READERS:
            require_memory(2 * path.stat().st_size, torch.device("cpu"), "This checkpoint")
            return load_file(path, backend="pread")
    except BudgetError:
        raise
    except Exception as error:  # safetensors raises errors of its own, Python's and torch's
        raise WeightsError(
            "This .safetensors file is not a checkpoint that can be read safely: it is damaged, "
            "or its header does not fit its content; save it anew."
        ) from error


def _read_apart(path: Path, folder: Path) -> Checkpoint:
    """Read a pickle in a process of its own, which writes to the folder.

    Raises:
        WeightsError: It could not be read; the text says why.
    """
    seconds = _LEAST_SECONDS + path.stat().st_size / _BYTES_PER_SECOND
    importable = json.dumps([str(Path(entry).resolve()) for entry in sys.path])
    limits = [str(MAX_FILE_BYTES), str(int(seconds) + 1)]
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        subprocess.run(  # noqa: S603 - this interpreter, and nothing of the file's
            [sys.executable, "-I", "-c", _START, importable, str(path), str(folder), *limits],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=kept | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WeightsError(
            f"Reading this checkpoint took longer than {seconds:.0f} seconds and was stopped; "
            "save the network's state dict alone with torch.save or as .safetensors."
        ) from error
    report = _report(folder / REPORT_NAME)
    if "error" in report:
        raise WeightsError(str(report["error"])[:1000])
    notes = tuple(str(note) for note in report["notes"])
    found = find_state_dict(_load_safetensors(folder / TENSORS_NAME), MAX_FILE_BYTES)
    return Checkpoint(found.state, notes)


def _report(path: Path) -> dict[str, Any]:
    """What the process said at its end: an ``error``, or ``notes``.

    Raises:
        WeightsError: It said neither, so did not get that far.
    """
    try:
        with path.open("rb") as file:
            report = json.loads(file.read(_MAX_REPORT_BYTES))
        if not isinstance(report, dict) or not (
            "error" in report or isinstance(report.get("notes"), list)
        ):
            raise ValueError("not a report")  # noqa: TRY301
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            "This file is not a checkpoint that can be read safely: the process that read it "
            "came to a sudden end; save the network's state dict with torch.save or as "
            ".safetensors."
        ) from error
    return report
