"""Changing embeddings, and what that does to accuracy."""
