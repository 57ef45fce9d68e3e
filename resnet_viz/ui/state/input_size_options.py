"""What is looked at on the page Input size, and how, as one value. No Streamlit here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Final

from resnet_viz.costs.profiling import DTYPE_BYTES
from resnet_viz.errors import ResNetVizError, SpecError
from resnet_viz.network.spec import MAX_BATCH, PRESETS
from resnet_viz.network.validation import choice, parse_integer

__all__ = ["DEFAULT_LAB", "LAB_KEYS", "MAX_MEMORY_GIB", "MIN_MEMORY_GIB", "PANELS", "Lab"]

PANELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "changes": "What changed",
        "map": "Size map",
        "sweeps": "Sweeps",
        "memory": "Memory",
        "latency": "Latency",
        "code": "Take it with you",
    }
)
MIN_MEMORY_GIB: Final = 0.25
MAX_MEMORY_GIB: Final = 1024.0

_NONE: Final = "none"  # an address drops what is empty
_DTYPES: Final = tuple(name for name in DTYPE_BYTES if name != "float64")
_ALLOWED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "lab": tuple(PANELS),
        "rows": ("different", "all"),
        "map": (
            *("final_grid", "macs", "peak_activation_bytes"),
            *("one_cell", "outgrown", "rounding"),
        ),
        "over": ("size", "depth", "width"),
        "total": ("macs", "peak_activation_bytes", "final_grid", "params"),
        "front": ("receptive_field", "final_grid"),
        "price": ("macs", "peak_activation_bytes", "params"),
        "mode": ("inference", "training"),
        "dtype": _DTYPES,
        "optimizer": ("sgd", "momentum", "adam"),
    }
)


@dataclass(frozen=True)
class Lab:
    """The choices of the page Input size; each is a widget's key and a link's parameter.

    Attributes:
        lab: The panel: a key of `PANELS`.
        ref: What it is compared with, as the parameters of a link (``model=resnet18&h=64``);
            empty for the preset at its usual input.
        rows: Which layers What changed lists: ``different`` or ``all``.
        map: The quantity on the size map.
        over: What the sweeps run over: ``size``, ``depth`` or ``width``.
        total: What the sweeps show.
        nets: Presets beside the chosen network.
        front: What is gained on the Pareto front.
        price: What it costs.
        mode: Whether memory is that of ``inference`` or ``training``.
        batch: Pictures at once.
        dtype: The type of weights and activations.
        optimizer: ``sgd``, ``momentum`` or ``adam``.
        memory: What there is to fill, in GiB.
    """

    lab: str = "changes"
    ref: str = ""
    rows: str = "different"
    map: str = "final_grid"
    over: str = "size"
    total: str = "macs"
    nets: tuple[str, ...] = ("resnet18", "resnet50", "resnet101")
    front: str = "receptive_field"
    price: str = "macs"
    mode: str = "training"
    batch: int = 1
    dtype: str = "float32"
    optimizer: str = "momentum"
    memory: float = 8.0

    @property
    def values(self) -> dict[str, Any]:
        """The widgets' values by their keys."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"nets": list(self.nets)}

    def to_query(self) -> dict[str, str]:
        """The link's parameters; what equals a default is left out."""
        return {
            field.name: _text(value)
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Lab:
        """The choices of the widgets; what is missing or empty keeps its default."""
        given = {
            field.name: values[field.name]
            for field in fields(cls)
            if values.get(field.name) is not None
        }
        if "nets" in given:
            given["nets"] = tuple(given["nets"])
        return cls(**given)

    @classmethod
    def from_query(cls, query: Mapping[str, str], problems: list[str]) -> Lab:
        """The choices of a link; a value that cannot be used is left out, and `problems` told."""
        given: dict[str, Any] = {}
        for field in fields(cls):
            if field.name not in query:
                continue
            try:
                given[field.name] = _value(field.name, query[field.name])
            except ResNetVizError as error:
                problems.append(f"The link's {field.name} was left out: {error}")
        return cls(**given)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value) or _NONE
    return str(value).removesuffix(".0")


def _value(name: str, text: str) -> Any:
    """A field's value from its text.

    Raises:
        SpecError: It is none.
    """
    reader = _READERS.get(name)
    return choice(name, text, _ALLOWED[name]) if reader is None else reader(text)


def _nets(text: str) -> tuple[str, ...]:
    if text == _NONE:
        return ()
    names = (part.strip() for part in text.split(",") if part.strip())
    return tuple(dict.fromkeys(choice("each of nets", name, tuple(PRESETS)) for name in names))


def _batch(text: str) -> int:
    number = parse_integer("batch", text)
    if not 1 <= number <= MAX_BATCH:
        raise SpecError(f"batch must be from 1 to {MAX_BATCH}, not {number}.")
    return number


def _memory(text: str) -> float:
    try:
        number = float(text[:40])
    except ValueError:
        number = float("nan")
    if not MIN_MEMORY_GIB <= number <= MAX_MEMORY_GIB:
        raise SpecError(
            f"memory must be from {MIN_MEMORY_GIB:g} to {MAX_MEMORY_GIB:g} GiB, not {text[:40]!r}."
        )
    return number


_READERS: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    # What `ref` means is settled where it is used: it is a link of its own.
    {"nets": _nets, "batch": _batch, "memory": _memory, "ref": lambda text: text[:2000]}
)

DEFAULT_LAB: Final = Lab()
LAB_KEYS: Final = tuple(field.name for field in fields(Lab))
