"""Importing sets of images that exist already."""
