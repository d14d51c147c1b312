"""Facts about published checkpoints and image-only encoders; read without torch."""
