"""Pictures of what the library found out: records and arrays in, drawings out.

Nothing here imports torch or Streamlit.
"""
