"""resnet_viz: ``streamlit run app.py``."""

from resnet_viz.ui.shared.page_frame import navigate

navigate().run()
