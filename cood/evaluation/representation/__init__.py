"""Metrics of the embeddings themselves."""
