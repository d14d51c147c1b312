"""Embedding images and texts with a model, once."""
