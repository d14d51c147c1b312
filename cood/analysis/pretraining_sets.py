"""The two groups of pre-training sets whose CLIPs claim C4 compares (arXiv:2403.18525, abstract).

The claim also names supervised models, which are in neither group. Nor are families that it does
not name.
"""

from __future__ import annotations

# Name of the data set, by the family of its checkpoints in the catalogue.
LARGE = {"openai": "OpenAI", "laion400m": "LAION-400M", "laion2b": "LAION-2B"}
SMALL = {"yfcc15m": "YFCC15M", "cc12m": "CC12M"}
NEITHER = (
    "laion-aesthetic",
    "laion5b",
    "commonpool",
    "datacomp",
    "siglip",
    "siglip2",
    "metaclip",
    "metaclip2",
    "dfn",
    "eva",
    "mobileclip",
    "mobileclip2",
    "clipa",
)
