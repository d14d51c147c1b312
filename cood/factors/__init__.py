"""What factor sets are."""
