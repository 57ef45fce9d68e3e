"""ImageNet weights and class names as torchvision publishes them.

Facts and figures are those of torchvision 0.29, models/resnet.py (addresses, hashes, sizes)
and models/_meta.py (the names of the classes). Nothing here downloads: see
`resnet_viz.weights.published.fetching`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from resnet_viz.errors import WeightsError
from resnet_viz.network.spec import ResNetSpec, preset_name
from resnet_viz.weights.sources import Version

__all__ = [
    "PUBLISHED",
    "PUBLISHED_URL",
    "URL_VARIABLE",
    "WeightsFile",
    "class_names",
    "published_name",
    "weights_file",
    "weights_folder",
]

PUBLISHED_URL: Final = "https://download.pytorch.org/models/"
# This environment variable names another place: a mirror, or a server of one's own.
URL_VARIABLE: Final = "RESNET_VIZ_WEIGHTS_URL"

_CLASSES: Final = resources.files("resnet_viz.weights") / "data" / "imagenet_classes.txt"


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A published file of weights.

    Attributes:
        name: Of the file, the same on the server and on this machine.
        sha256_prefix: First hexadecimal digits of the SHA-256 of its bytes.
        about_bytes: Size as published, rounded to about a kilobyte.
    """

    name: str
    sha256_prefix: str
    about_bytes: int

    @property
    def url(self) -> str:
        """Where to download it: below `PUBLISHED_URL`, or what `URL_VARIABLE` says instead.

        Raises:
            WeightsError: The variable holds something else than an http(s) address.
        """
        base = os.environ.get(URL_VARIABLE) or PUBLISHED_URL
        if not _is_plain_address(base):
            raise WeightsError(
                f"The environment variable {URL_VARIABLE} must be an address such as "
                f"{PUBLISHED_URL}, without a user or spaces; correct it, or take it away."
            )
        return f"{base.rstrip('/')}/{self.name}"


def _is_plain_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.hostname is not None and parts.username is None and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that does not close
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return named and plain and parts.scheme in ("http", "https")


def _published(name: str, sha256_prefix: str, mebibytes: float) -> WeightsFile:
    return WeightsFile(f"{name}-{sha256_prefix}.pth", sha256_prefix, round(mebibytes * 2**20))


def _versions(
    name: str, v1: tuple[str, float], v2: tuple[str, float] | None = None
) -> Mapping[Version, WeightsFile]:
    files: dict[Version, WeightsFile] = {"v1": _published(name, *v1)}
    if v2 is not None:
        files["v2"] = _published(name, *v2)
    return MappingProxyType(files)


# By preset: digits of the hash, size in MiB; first v1, then v2. The
# two wide v1 files are half the size of their v2: they hold float16.
PUBLISHED: Final[Mapping[str, Mapping[Version, WeightsFile]]] = MappingProxyType(
    {
        name: _versions(name, *versions)
        for name, versions in {
            "resnet18": (("f37072fd", 44.661),),
            "resnet34": (("b627a593", 83.275),),
            "resnet50": (("0676ba61", 97.781), ("11ad3fa6", 97.79)),
            "resnet101": (("63fe2227", 170.511), ("cd907fc2", 170.53)),
            "resnet152": (("394f9c45", 230.434), ("f82ba261", 230.474)),
            "wide_resnet50_2": (("95faca4d", 131.82), ("9ba9bcbe", 263.124)),
            "wide_resnet101_2": (("32ee1156", 242.896), ("d733dc28", 484.747)),
            "resnext50_32x4d": (("7cdf4587", 95.789), ("1a0047aa", 95.833)),
            "resnext101_32x8d": (("8ba56ff5", 339.586), ("110c445d", 339.673)),
        }.items()
    }
)


def published_name(spec: ResNetSpec) -> str | None:
    """The published network whose stages a network has; None if nobody published one."""
    return preset_name(replace(spec, stem="imagenet", strides=None, dilations=None))


def weights_file(spec: ResNetSpec, version: Version = "v1") -> WeightsFile:
    """The published weights of a network, whatever its channels, classes and initialisation.

    Its stem, strides and dilations may be others too: all tensors but the stem's stay the same.

    Raises:
        WeightsError: Nobody publishes weights for this architecture, or not this version.
    """
    name = published_name(spec)
    if name is None or name not in PUBLISHED:
        raise WeightsError(
            f"ImageNet weights are published for {', '.join(PUBLISHED)} only, not for "
            f"{preset_name(spec) or 'this network'}; choose one of these, or random weights."
        )
    if version not in PUBLISHED[name]:
        raise WeightsError(
            f"ImageNet weights of {name} are published as {' and '.join(PUBLISHED[name])} only, "
            f"not as {version}; choose imagenet instead of imagenet:{version}."
        )
    return PUBLISHED[name][version]


@cache
def class_names() -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes, in the order of the network's outputs."""
    return tuple(_CLASSES.read_text(encoding="utf-8").splitlines())


def weights_folder() -> Path:
    """The folder in which torchvision keeps weights, so that what it has downloaded is found.

    ``hub/checkpoints`` in ``$TORCH_HOME``, else in ``$XDG_CACHE_HOME/torch``, else in
    ``~/.cache/torch``, as ``torch.hub.get_dir()`` has it unless a program calls
    ``torch.hub.set_dir()``; worked out here, because importing torch takes seconds.

    Raises:
        WeightsError: The folder lies in the user's home, and this user has none.
    """
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = Path(os.environ.get("TORCH_HOME", f"{caches}/torch"))
    try:
        return home.expanduser() / "hub" / "checkpoints"
    except RuntimeError as error:
        raise WeightsError(
            "Weights are kept in the user's home folder, which this user does not have; set the "
            "environment variable TORCH_HOME to a folder for them."
        ) from error
