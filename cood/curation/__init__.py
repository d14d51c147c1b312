"""Which images are kept, which have near duplicates, and which compositions captions name."""
