"""Self-supervised speech representations."""
