"""From a picture to what a layer makes of it."""

from resnet_viz.ui import feature_maps, frame

feature_maps.draw(*frame.begin("Feature maps"))
