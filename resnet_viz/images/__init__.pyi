from . import drawn_patterns as drawn_patterns
from .decoding import (
    MAX_BYTES as MAX_BYTES,
    Picture as Picture,
    Pixels as Pixels,
    load_image as load_image,
)
from .preprocessing import (
    FITS as FITS,
    IMAGENET_MEAN as IMAGENET_MEAN,
    IMAGENET_STD as IMAGENET_STD,
    Fit as Fit,
    channel_rule as channel_rule,
    framed as framed,
    native_input as native_input,
    prepare as prepare,
    require_fit as require_fit,
)
from .sample_images import SAMPLES as SAMPLES, sample_bytes as sample_bytes
