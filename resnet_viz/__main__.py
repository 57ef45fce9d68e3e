"""Run the command line: ``python -m resnet_viz`` or the console script ``resnet-viz``."""

from __future__ import annotations

import sys
import warnings

from resnet_viz.cli import main

__all__ = ["run"]


def run() -> None:
    """Run the command line with the arguments of this process, then exit with its status."""
    if not sys.warnoptions:  # warnings are for developers; users see one-sentence errors only
        warnings.simplefilter("ignore")
    sys.exit(main())


if __name__ == "__main__":
    run()
