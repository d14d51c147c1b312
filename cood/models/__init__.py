"""Loading any CLIP, and training small ones."""
