"""What a visitor has chosen: as values, in the session, and in the address bar."""
