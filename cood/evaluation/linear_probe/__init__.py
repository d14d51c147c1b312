"""Linear probes of frozen image embeddings."""
