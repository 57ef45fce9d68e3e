"""A pickled checkpoint to its tensors, and the process of its own in which that happens.

``torch.load(weights_only=True)`` runs no code of a file, but a file can still make it take any
amount of memory (``bytearray`` and expanded views are allowed) or crash it. So `main` runs apart,
started by `reading`: it limits itself, reads, writes the tensors as a safetensors file, which
nothing can hide in, and ends.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

import psutil
import torch
from safetensors.torch import save_file

from resnet_viz.errors import WeightsError
from resnet_viz.weights.checkpoints.state_dicts import Checkpoint, find_state_dict, too_large

__all__ = ["REPORT_NAME", "TENSORS_NAME", "UNREADABLE", "limit_process", "main", "read_pickle"]

REPORT_NAME: Final = "report.json"
TENSORS_NAME: Final = "tensors.safetensors"

UNREADABLE: Final = (
    "This file is not a checkpoint that can be read safely; save the network's state dict with "
    "torch.save or as .safetensors."
)

# Of address space, beside what the interpreter and torch have taken: what is loaded, its
# contiguous copy, buffers of the reading and of the writing.
_MEMORY_PER_FILE_BYTE: Final = 4
_MORE_MEMORY_BYTES: Final = 512 * 10**6

_UNSAFE_NAME: Final = re.compile(r"GLOBAL ([\w.]{1,80})")


def read_pickle(path: Path, max_bytes: int) -> Checkpoint:
    """The tensors that ``torch.save`` wrote, in its zip format or an older one.

    Args:
        path: A file.
        max_bytes: What the archive may unpack to, and the tensors may take.

    Raises:
        WeightsError: It is no such file, or holds something else than tensors by name.
    """
    try:
        _require_plain_archive(path, max_bytes)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        return find_state_dict(loaded, max_bytes)
    except WeightsError:
        raise
    # Whatever the unpickler, the archive reader and torch raise on bytes of a stranger's choice.
    except Exception as error:
        raise WeightsError(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    if named := _UNSAFE_NAME.search(str(error)):
        return (
            f"This checkpoint holds more than tensors: it calls for {named[1]}, which could run "
            "code and is not loaded; save model.state_dict() alone with torch.save."
        )
    if isinstance(error, MemoryError) or "alloc" in str(error):  # torch's own
        return (
            "This checkpoint needs more memory than a file of its size should; save the network's "
            "state dict alone with torch.save or as .safetensors."
        )
    return UNREADABLE


def _require_plain_archive(path: Path, max_bytes: int) -> None:
    """Refuse a zip archive that takes more memory than its own size, or holds a program.

    Raises:
        WeightsError: It is such an archive.
        zipfile.BadZipFile: Its directory is broken; other errors likewise.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":  # torch goes by these, too
            return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if any(entry.filename.endswith("/constants.pkl") for entry in entries):
        raise WeightsError(
            "This is a TorchScript archive, which holds a program; save model.state_dict() alone "
            "with torch.save."
        )
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise WeightsError(
            "This checkpoint is a compressed archive, which could unpack to any size; save the "
            "state dict alone with torch.save, which compresses nothing."
        )
    if sum(entry.file_size for entry in entries) > max_bytes:
        raise too_large("unpacks to more than may be read", max_bytes)


def limit_process(file_bytes: int, seconds: int) -> None:
    """Bound this process's memory and time, and what it writes, where the system can.

    Args:
        file_bytes: Size of the file that it will read.
        seconds: Of computation, besides those it has had.
    """
    try:
        import resource
    except ImportError:  # Windows: the parent still bounds the time
        return
    memory = _MEMORY_PER_FILE_BYTE * file_bytes + _MORE_MEMORY_BYTES
    used = resource.getrusage(resource.RUSAGE_SELF)
    for what, limit in (
        (resource.RLIMIT_AS, psutil.Process().memory_info().vms + memory),
        (resource.RLIMIT_FSIZE, memory),
        (resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(what)
        if most != resource.RLIM_INFINITY:
            limit = min(limit, most)
        try:
            resource.setrlimit(what, (limit, limit))
        except (OSError, ValueError):  # macOS refuses some
            continue


def main() -> None:
    """Read the file of the first argument into the folder of the second.

    The third is the most bytes that its tensors may take, the fourth the seconds. The report
    holds ``notes``, or the sentence of an ``error``.
    """
    source, folder, max_bytes, seconds = sys.argv[1:5]
    path, target = Path(source), Path(folder)
    limit_process(path.stat().st_size, int(seconds))
    report: dict[str, Any]
    try:
        found = read_pickle(path, int(max_bytes))
        # Tensors may be views of one another, and views of a few bytes may look enormous.
        own = {
            key: value.detach().clone(memory_format=torch.contiguous_format)
            for key, value in found.state.items()
        }
        save_file(own, target / TENSORS_NAME)
        report = {"notes": found.notes}
    except WeightsError as error:
        report = {"error": str(error)}
    except Exception as error:  # of the copying or the writing: memory, or space on the disk
        report = {"error": _sentence(error)}
    (target / REPORT_NAME).write_text(json.dumps(report), encoding="utf-8")
