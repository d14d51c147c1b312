"""Figures, notebook runs, provenance and the book."""
