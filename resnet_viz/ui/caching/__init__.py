"""What is kept between reruns and shared by all sessions, bounded by bytes or by entries."""
