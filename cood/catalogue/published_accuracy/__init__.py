"""Accuracies that others published, with their sources (`README.md`); read without torch."""
