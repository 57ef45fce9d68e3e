"""Streamlit glue: the sidebar and the link, caches, and what all pages share."""
