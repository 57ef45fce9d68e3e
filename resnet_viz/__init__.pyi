from .costs import profile as profile, sweep as sweep
from .features import capture as capture
from .network import (
    PRESETS as PRESETS,
    InputSpec as InputSpec,
    ResNetSpec as ResNetSpec,
    build_model as build_model,
    trace as trace,
)

__version__: str
