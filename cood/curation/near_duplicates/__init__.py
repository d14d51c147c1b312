"""Near duplicates of the images of a set among training images."""
