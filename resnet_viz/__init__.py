"""Any ResNet at any input size: its graph, its shapes and costs, its feature maps.

The names below are the library. Each is imported when it is first used, so that torch, whose
import takes seconds, is loaded only by the calls that need it.
"""

import lazy_loader as _lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)
