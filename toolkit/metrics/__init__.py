"""Measures of a system, with their uncertainty."""
