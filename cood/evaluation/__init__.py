"""Embedding with a model once, and scoring the embeddings."""
