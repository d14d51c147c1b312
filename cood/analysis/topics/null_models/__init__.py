"""Null models, other ways to score, and confounders."""
