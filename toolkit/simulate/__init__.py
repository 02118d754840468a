"""Mixture plans and their rendering; imports no torch."""
