"""Statistics over models."""
