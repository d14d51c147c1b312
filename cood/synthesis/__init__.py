"""Making attribute-object images."""
