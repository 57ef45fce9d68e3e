"""What several pages share: the frame, the sidebar, messages, downloads and choices."""
