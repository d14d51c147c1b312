"""The API pages name what there is, and can be made without what is slow to import."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "book" / "api").glob("*.md"))
MODULE = re.compile(r"^\.\. automodule:: (\S+)\n   :members: (.+)$", re.MULTILINE)


def test_each_name_is_public_and_has_a_docstring():
    found = [match.groups() for page in PAGES for match in MODULE.finditer(page.read_text())]
    modules = [module for module, _ in found]
    assert len(set(modules)) == len(modules) > 20
    code = f"""
import importlib, sys
for module, names in {found!r}:
    for name in names.split(", "):
        thing = getattr(importlib.import_module(module), name)
        assert thing.__doc__ and not name.startswith("_"), (module, name)
slow = {{"torch", "open_clip", "transformers", "diffusers"}} & set(sys.modules)
sys.exit(f"imported: {{slow}}" if slow else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_page_is_in_the_contents():
    contents = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    (part,) = (part for part in contents["parts"] if part["caption"] == "API reference")
    (chapter,) = part["chapters"]
    named = {chapter["file"], *(section["file"] for section in chapter["sections"])}
    assert named == {f"api/{page.stem}" for page in PAGES}


def test_every_metric_of_evaluate_has_its_place():
    from cood.metrics import METRICS

    text = "".join(page.read_text() for page in PAGES)
    for name in METRICS:
        assert re.search(rf":members:.*\b{name}\b", text), name
