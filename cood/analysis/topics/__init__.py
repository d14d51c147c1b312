"""The analyses of one notebook each."""
