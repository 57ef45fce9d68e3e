"""What the command line refuses, and how: one sentence, status 2, nothing on standard output."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_viz.cli import main

PROFILE = [
    ("profile --model resnet19", "There is no model 'resnet19'"),
    ("profile --model", "requires an argument"),
    ("profile --modle resnet18", "No such option"),
    ("profile resnet18", "unexpected extra argument"),
    ("profile --format yaml", "--format must be one of table, json, csv"),
    ("profile --input 224", "channels x height x width"),
    ("profile --input 3x224x", "width must be a whole number"),
    ("profile --input 3x224x99999", "width must lie between 1 and 16384"),
    ("profile --input 0x1x1", "channels must lie between"),
    ("profile --input 3x1e3x5", "height must be a whole number"),
    ("profile --input -3x5x5", "channels must be a whole number"),
    ("profile --batch 0", "batch must lie between"),
    ("profile --batch two", "--batch"),
    ("profile --dtype int8", "dtype must be one of"),
    ("profile --depth 3", "No ResNet has 3 layers"),
    ("profile --depth 51 --block basic", "No ResNet has 51 layers"),
    ("profile --depth 50.5", "--depth"),
    ("profile --depth 50 --block odd", "block must be one of"),
    ("profile --depth 50 --model resnet50", "--depth already says"),
    ("profile --depth 50 --blocks 3,4,6,3", "--depth already says"),
    ("profile --block odd", "block must be one of"),
    ("profile --blocks 3,x", "whole number"),
    ("profile --blocks 1,,2", "whole number"),
    ("profile --blocks 1,1,1,1,1,1,1,1,1", "1 to 8 stages"),
    ("profile --blocks 501", "blocks of stage 1 must lie between"),
    ("profile --stem huge", "stem must be one of"),
    ("profile --base-width 0", "base_width must lie between"),
    ("profile --model resnet18 --groups 2", "belong to bottleneck blocks"),
    ("profile --model resnext50_32x4d --block basic", "belong to bottleneck blocks"),
    ("profile --width-per-group x", "--width-per-group"),
    ("profile --stride-in 5x5", "stride_in must be one of"),
    ("profile --shortcut none", "shortcut must be one of"),
    ("profile --classes 0", "num_classes must lie between"),
    ("profile --zero-init-residual=maybe", "--zero-init-residual"),
    ("profile --out {missing}/x", "No such file or directory"),
    ("profile --out {folder}", "Is a directory"),
]
OTHERS = [
    ("bogus", "No such command"),
    ("--bogus", "No such option"),
    ("graph --level layer", "--level must be one of stage, block, op"),
    ("graph --format gif", "--format must be one of dot, json, svg, png, pdf"),
    ("graph --format svg --out {folder}", "Is a directory"),
    ("sweep", "Missing option '--sizes'"),
    ("sweep --sizes", "requires an argument"),
    ("sweep --sizes small", "--sizes is written"),
    ("sweep --sizes 64:32:8", "--sizes runs from 1"),
    ("sweep --sizes 32:64:0", "--sizes runs from 1"),
    ("sweep --sizes 1:2:3:4", "--sizes runs from 1"),
    ("sweep --sizes 1:999999999:1", "--sizes runs from 1"),
    ("sweep --sizes 32:64:8:", "--sizes is written"),
    ("sweep --sizes 32,,64", "--sizes is written"),
    ("sweep --sizes 0,32", "whole numbers from 1 to 16384"),
    ("sweep --sizes 32,99999", "whole numbers from 1 to 16384"),
    ("sweep --sizes 32:64:8 --widths 9:1", "--widths runs from 1"),
    ("sweep --sizes 1:16384 --widths 1:16384", "at most 1000000 sizes"),
    ("sweep --sizes 32 --format table", "--format must be one of csv, json"),
    ("sweep --sizes 32 --batch 9999", "batch must lie between"),
    ("sweep --sizes 32 --dtype x", "dtype must be one of"),
]
ACTIVATIONS = [
    ("--image {image} --out {out}", "Missing option '--layer'"),
    ("--layer fc --out {out}", "Missing option '--image'"),
    ("--layer fc --image {image}", "Missing option '--out'"),
    ("--layer fc --image {missing} --out {out}", "No such file or directory"),
    ("--layer fc --image {folder} --out {out}", "Is a directory"),
    ("--layer fc --image {text} --out {out}", "not a picture"),
    ("--layer layer9 --image {image} --out {out}", "no layer 'layer9'"),
    ("--layer ../../fc --image {image} --out {out}", "no layer '../../fc'"),
    ("--layer fc --image {image} --out {out} --fit wide", "crop, letterbox, stretch"),
    (
        "--layer fc --image {image} --out {out} --weights imagenet",
        "are published for",
    ),
    ("--layer fc --image {image} --out {out} --weights random:x", "random:<seed>"),
    ("--layer fc --image {image} --out {out} --weights random", "random:<seed> like random:0"),
    ("--layer fc --image {image} --out {out} --weights {missing}", "no readable weights file"),
    ("--layer fc --image {image} --out {out} --weights {text}", "not a checkpoint"),
    ("--layer fc --image {image} --out {out} --device cuda:99", "no device 'cuda:99'"),
    ("--layer fc --image {image} --out {out} --device meta", "no values"),
    ("--layer fc --image {image} --out {text}", "cannot be used"),
    ("--layer layer1 --image {image} --out {out} --input 3x9999x9999", "would "),
]


@pytest.fixture
def names(tmp_path: Path) -> dict[str, str]:
    from PIL import Image

    (tmp_path / "folder").mkdir()
    (tmp_path / "a.txt").write_text("no picture\n")
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "a.png")
    return {
        "folder": str(tmp_path / "folder"),
        "missing": str(tmp_path / "missing"),
        "text": str(tmp_path / "a.txt"),
        "image": str(tmp_path / "a.png"),
        "out": str(tmp_path / "out"),
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        *PROFILE,
        *OTHERS,
        *((f"activations --model resnet20 {line}", said) for line, said in ACTIVATIONS),
    ],
)
def test_refused_in_one_sentence(
    line: str, said: str, names: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([word.format(**names) for word in line.split()])
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert printed.err.endswith((".\n", "?\n"))
    assert printed.err.count("\n") == 1
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert not Path(names["out"]).exists()  # nothing was begun


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "x" * 10_000, "\udcff", "漢字", ""])
def test_strange_words_stay_in_one_line(
    text: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    for words in (
        ["profile", "--model", text],
        ["profile", "--blocks", text],
        ["profile", "--" + text + "x"],
        ["sweep", "--sizes", text],
        ["profile", "--out", f"{tmp_path}/missing/{text[:50]}/x"],
    ):
        assert main(words) == 2
        printed = capfdbinary.readouterr()
        assert printed.out == b""
        assert printed.err.count(b"\n") == 1
        assert b"\x1b" not in printed.err
