"""Intervals and paired comparison: bootstrap over speakers."""
