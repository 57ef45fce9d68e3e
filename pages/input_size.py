"""What must be done when the input is another size: see `resnet_viz.ui.input_size`."""

from resnet_viz.ui import frame, input_size

input_size.draw(*frame.begin("Input size"))
