"""Scenes made of independent factors: 3D shapes in a room, and sprites."""
