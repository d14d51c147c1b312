"""Loading CLIPs and image-only encoders, and training small ones."""
