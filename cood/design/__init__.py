"""Designs of experiments: factors, points that cover them evenly, and how good a design is."""

from cood.design.draw import draw_points
from cood.design.factors import (
    Dose,
    End,
    Factor,
    Levels,
    Range,
    Value,
    check_factors,
    corner,
    middle,
    observed_range,
)
from cood.design.matrix import Summary, column_names, design_matrix, summarise

__all__ = [
    "Dose",
    "End",
    "Factor",
    "Levels",
    "Range",
    "Summary",
    "Value",
    "check_factors",
    "column_names",
    "corner",
    "design_matrix",
    "draw_points",
    "middle",
    "observed_range",
    "summarise",
]
