"""Trained networks as objects, packed models, inference."""
