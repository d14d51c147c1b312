"""Generating images with text-to-image pipelines."""
