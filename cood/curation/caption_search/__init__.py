"""Captions that name a composition."""
