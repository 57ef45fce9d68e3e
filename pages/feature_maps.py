"""From a picture to what a layer makes of it."""

from resnet_viz.ui.feature_maps import page
from resnet_viz.ui.shared import page_frame

page.draw(*page_frame.begin("Feature maps"))
