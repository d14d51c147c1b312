"""Rendering scenes of independent factors."""
