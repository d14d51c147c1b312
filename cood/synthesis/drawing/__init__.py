"""Drawing images of attributes and objects."""
