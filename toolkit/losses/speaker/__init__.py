"""Losses over speaker embeddings."""
