"""What a report was made of."""
