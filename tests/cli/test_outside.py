"""The command line from outside, as people run it: a process of its own, pipes and encodings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest


def _outside(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "resnet_viz", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
        **options,
    )


def test_from_a_terminal() -> None:
    done = _outside("profile", "--model", "resnet20", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["totals"]["depth"] == 20


def test_a_refusal_from_a_terminal() -> None:
    done = _outside("profile", "--model", "resnet19")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("There is no model 'resnet19'; choose one of resnet18")
    assert done.stderr.count("\n") == 1


def test_whatever_the_encoding_of_the_terminal() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    assert _outside("--help", env=environment).returncode == 0
    done = _outside("profile", "--blocks", "×", env=environment)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_is_no_traceback(unbuffered: str) -> None:
    with _piped(unbuffered, "sweep", "--sizes", "1:4096") as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith("height,width")
        process.stdout.close()
        message = process.stderr.read()
        assert process.wait(60) == 2
    assert message == "Standard output was closed before everything was written.\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_slow_reader_gets_everything(unbuffered: str) -> None:
    """An unbuffered stream writes only what fits into the pipe, at once."""
    with _piped(unbuffered, "sweep", "--sizes", "1:4096") as process:
        assert process.stdout
        first = process.stdout.readline()
        time.sleep(0.3)
        rest = process.stdout.read().splitlines()
        assert process.wait(60) == 0
    assert first.startswith("height,width")
    assert [line.split(",")[0] for line in rest] == [str(n) for n in range(1, 4097)]


def _piped(unbuffered: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "resnet_viz", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
