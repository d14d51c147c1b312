"""Making or importing images of attributes and objects."""
