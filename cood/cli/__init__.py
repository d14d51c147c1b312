"""`cood ...`: `cood reproduce` makes a report; each stage of the pipeline has a command too."""

from cood.cli import make, evaluate, look, stages, share  # noqa: I001  in the order of `cood --help`
from cood.cli.app import app, main

__all__ = ["app", "evaluate", "look", "main", "make", "share", "stages"]
