"""Where the scripts of the web app are: in an installed wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path

from resnet_viz.errors import ResNetVizError

__all__ = ["app_script"]


def app_script() -> Path:
    """Return the path of `app.py`; the folder `pages` is beside it.

    An installed wheel has both in `resnet_viz/webapp`, a checkout at its top level.

    Raises:
        ResNetVizError: Neither place has the file.
    """
    package = Path(__file__).parent
    for folder in (package / "webapp", package.parent):
        if (folder / "pages").is_dir() and (folder / "app.py").is_file():
            return folder / "app.py"
    raise ResNetVizError(
        "The web app's files app.py and pages are missing; install resnet-viz again."
    )
