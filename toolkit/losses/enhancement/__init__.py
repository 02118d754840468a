"""Losses between an output signal and its reference."""
