"""``python -m resnet_viz``: the command line of `resnet_viz.cli`."""

from __future__ import annotations

import sys
import warnings

from resnet_viz.cli import main

if __name__ == "__main__":
    if not sys.warnoptions:  # they are for developers: an error is one sentence, alone
        warnings.simplefilter("ignore")
    sys.exit(main())
