"""The error tree: as drawn, and each a sentence."""

from __future__ import annotations

import pickle
import re

import pytest

from resnet_viz import errors
from resnet_viz.errors import ResNetVizError, short_repr
from resnet_viz.network.spec import PRESETS
from resnet_viz.weights.mismatch_error import MismatchError


def _tree(root: type[Exception]) -> list[type[Exception]]:
    return [root, *(kind for child in root.__subclasses__() for kind in _tree(child))]


TREE = [
    kind
    for kind in _tree(ResNetVizError)
    if kind.__module__ == errors.__name__ or kind is MismatchError
]


def test_the_tree_is_the_one_that_is_drawn() -> None:
    assert errors.__doc__
    drawn = re.findall(r"^    (?:[ │]*[├└]── )?(\w+)(?: +\((\w+)\))?", errors.__doc__, re.MULTILINE)
    built = [
        (kind.__name__, next((base.__name__ for base in kind.__bases__[1:]), "")) for kind in TREE
    ]
    assert drawn == built


def test_all_are_raised_by_the_name_they_are_exported_with() -> None:
    assert {kind.__name__ for kind in TREE} - {"MismatchError"} <= set(errors.__all__)


def test_no_error_is_missing_from_the_tree() -> None:
    import resnet_viz.cli
    import resnet_viz.cli.feature_map_files  # noqa: F401 - imports all that may raise

    outside = [
        kind
        for kind in _tree(ResNetVizError)
        if kind.__module__.startswith("resnet_viz") and kind not in TREE
    ]
    assert outside == []


@pytest.mark.parametrize("kind", TREE)
def test_its_text_is_the_sentence(kind: type[Exception]) -> None:
    error = kind("No layer 'x'; name one.")
    assert str(error) == "No layer 'x'; name one."
    assert str(kind()) == ""
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert isinstance(error, ResNetVizError)
    assert kind.__doc__


@pytest.mark.parametrize("kind", TREE[1:])
def test_each_is_also_what_python_would_raise(kind: type[Exception]) -> None:
    pythons = [base for base in kind.__mro__ if base.__module__ == "builtins"]
    assert pythons[0] is not Exception
    with pytest.raises(pythons[0]):
        raise kind("A sentence.")


def test_a_mismatch_names_the_network_that_was_found() -> None:
    error = MismatchError("It is a ResNet-34.", PRESETS["resnet34"])
    assert str(error) == "It is a ResNet-34."
    assert error.found == PRESETS["resnet34"]
    assert pickle.loads(pickle.dumps(error)).found == PRESETS["resnet34"]


def test_any_object_can_be_shown_in_a_sentence() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    assert short_repr("x") == "'x'"
    assert short_repr(Hostile()) == "an object of type Hostile"
    assert short_repr(10**5000) == "a number of thousands of digits"
    assert short_repr("y" * 100) == "'" + "y" * 39 + "…"
    assert "\n" not in short_repr(type("Lines", (), {"__repr__": lambda _: "a\nb"})())
