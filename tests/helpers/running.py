"""The command line inside this process."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper

from resnet_viz.cli import main


def run(*words: str) -> str:
    """What a command prints that succeeds; it says nothing on standard error."""
    raw, said = BytesIO(), StringIO()
    with redirect_stdout(TextIOWrapper(raw, "utf-8")) as printed, redirect_stderr(said):
        status = main(words)
        printed.flush()
    assert (status, said.getvalue()) == (0, "")
    return raw.getvalue().decode()
