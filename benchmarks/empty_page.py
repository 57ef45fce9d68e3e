"""The least that a Streamlit page can be: what the app's pages are measured beside."""

import streamlit as st

st.write(f"Height {st.slider('Height', 1, 16_384, 224)}")
