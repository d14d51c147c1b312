"""Projects in empty folders, for tests that take a user's whole road."""

import shutil
from pathlib import Path

# A folder as people name theirs, and worse: signs of shells, YAML, globs and addresses.
HOSTILE = "my (w) & o'r\"k $x;*[ü]é : #1 %d~!`"
ROOT = Path(__file__).parents[1]


def clone(folder: Path) -> Path:
    """What git holds of the pipeline, in a folder that is empty or is made."""
    ignored = shutil.ignore_patterns("executed", "__pycache__", ".ipynb_checkpoints")
    for name in ("workflow", "notebooks", "book"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "_config.yml", folder)
    return folder
