"""Data dirs and plans to batches."""
