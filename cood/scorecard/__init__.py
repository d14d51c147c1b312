"""Any CLIP on the images of a user, without a study: what `cood evaluate` does."""
