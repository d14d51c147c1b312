"""Image towers without a text tower: loading them by timm, and training small ones."""
