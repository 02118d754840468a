"""Metrics of systems, with confidence intervals."""
