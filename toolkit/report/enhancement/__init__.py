"""Pages about enhanced and extracted audio."""
