"""What is known of published checkpoints and image encoders."""
