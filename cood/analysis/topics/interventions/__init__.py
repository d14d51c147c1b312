"""Interventions of embeddings, and mediation."""
