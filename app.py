"""resnet_viz: ``streamlit run app.py``."""

from resnet_viz.ui.frame import navigate

navigate().run()
