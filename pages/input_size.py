"""What must be done when the input is another size: see `resnet_viz.ui.input_size.page`."""

from resnet_viz.ui.input_size import page
from resnet_viz.ui.shared import page_frame

page.draw(*page_frame.begin("Input size"))
