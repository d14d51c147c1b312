"""Compositional out-of-distribution evaluation of CLIP models."""
