"""The checkpoints that open_clip lists, and their places on the hub; open_clip is not imported."""

from __future__ import annotations

import ast
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cood.catalogue.sources import HUB
from cood.errors import CoodError


def package() -> Path:
    """Folder of open_clip. Importing it would take seconds, as it imports torch."""
    spec = find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise CoodError("open_clip is not installed; install what requirements.lock lists")
    return Path(spec.origin).parent


def architectures() -> list[str]:
    """Architectures of open_clip."""
    return sorted(file.stem for file in (package() / "model_configs").glob("*.json"))


@lru_cache
def places() -> dict[str, str]:
    """Place on the hub, ``ORG/REPO/FILE``, of each checkpoint ``ARCHITECTURE/TAG`` of open_clip.

    FILE is empty if it has the usual name.
    """
    return {name: about.get("hf_hub", "") for name, about in entries().items()}


@lru_cache
def entries() -> dict[str, dict[str, Any]]:
    """What open_clip lists of each checkpoint ``ARCHITECTURE/TAG``: place and preprocessing.

    They are read from the tables in the source of `open_clip.pretrained`.
    """
    source = ast.parse((package() / "pretrained.py").read_text())
    tables: dict[str, Any] = {}
    for node in source.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            tables[node.targets[0].id] = _value(node.value, tables)
        if isinstance(node, ast.FunctionDef) and isinstance(node.body[-1], ast.Return):
            tables[node.name] = _constants(node.body[-1].value)
    listed: dict[str, dict[str, Any]] = {}
    for architecture, tags in tables["_PRETRAINED"].items():
        for tag, about in tags.items():
            listed[f"{architecture}/{tag}"] = about
            if about.get("quick_gelu"):  # open_clip adds this name if it is missing
                listed.setdefault(f"{architecture}-quickgelu/{tag}", about)
    return listed


def _constants(node: ast.expr | None) -> dict[str, Any]:
    """What a function that makes entries gives each of them: its constants."""
    if not isinstance(node, ast.Dict):
        return {}
    pairs = zip(node.keys, node.values, strict=True)
    constants = {key: value for key, value in pairs if isinstance(value, ast.Constant)}
    return {_value(key, {}): value.value for key, value in constants.items() if key}


def _value(node: ast.expr, tables: dict[str, Any]) -> Any:
    """Value of an expression of the kinds that the tables hold; None for others."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return tables.get(node.id)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {_value(key, tables): _value(value, tables) for key, value in pairs if key}
    if isinstance(node, ast.Call):  # dict(...) or a function that makes the entry of a checkpoint
        common = tables.get(node.func.id) if isinstance(node.func, ast.Name) else None
        return {**(common or {}), **{key.arg: _value(key.value, tables) for key in node.keywords}}
    return None


def on_the_hub(checkpoint: str) -> tuple[str, str, str | None] | None:
    """Repository, file (empty for the usual names) and revision; None if it is not on the hub."""
    if checkpoint.startswith(HUB):
        repo, _, revision = checkpoint.removeprefix(HUB).partition("@")
        return repo, "", revision or None
    repo, _, file = places().get(checkpoint, "").rpartition("/")
    return (repo, file, None) if repo else None
