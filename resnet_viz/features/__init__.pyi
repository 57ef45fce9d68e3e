from .capturing import capture as capture, require_affordable as require_affordable
from .channel_maps import Floats as Floats, as_maps as as_maps
from .channel_statistics import (
    ORDERS as ORDERS,
    ChannelStatistics as ChannelStatistics,
    LayerStatistics as LayerStatistics,
    ranked as ranked,
    statistics as statistics,
)
from .class_predictions import Guess as Guess, predict as predict
from .convolution_steps import (
    ConvolutionStep as ConvolutionStep,
    conv_weight as conv_weight,
    convolve_at as convolve_at,
)
from .gradients import effective_field as effective_field, grad_cam as grad_cam
from .occluding import occlusion as occlusion, occlusion_cost as occlusion_cost
from .overview import Stop as Stop, Survey as Survey, survey as survey
