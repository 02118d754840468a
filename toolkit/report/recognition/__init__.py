"""Pages about recognised text."""
