"""The commit of the working tree that a report was made from."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit(root: Path) -> str:
    """Commit of the working tree, with a note if it was changed since; "unknown" without git."""
    head, changed = head_and_changes(root)
    return head[:12] + (" with uncommitted changes" if changed else "")


def head_and_changes(root: Path, *but: str) -> tuple[str, bool]:
    """Hash of the commit, and whether the working tree differs; "unknown", False without git.

    Changes in the folders `but` do not count.
    """
    places = [".", *(f":(exclude){folder}" for folder in but)]
    try:
        head = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", *places)
    except (OSError, subprocess.CalledProcessError):
        return "unknown", False
    return head, bool(changed)


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
