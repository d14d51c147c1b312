"""Edits of embeddings, and mediation."""
