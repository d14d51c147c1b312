"""Treatments against their placebos: the reduced form, and treatments as instruments."""

from cood.analysis.topics.treatments.contrasts import contrast

__all__ = ["contrast"]
