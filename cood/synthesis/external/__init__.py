"""Importing sets of images that were made elsewhere."""
