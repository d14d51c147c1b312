"""The last section of a notebook's page: its claims, its data, its making, how to vary it."""

from __future__ import annotations

import ast
import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import nbformat
import yaml

from cood.analysis.claims.definitions import load_claims
from cood.analysis.results import EVERY, TOWERS, model_names
from cood.files import read_table
from cood.settings.study_file import Study

SOURCES = "source"  # folder of the notebooks without outputs, beside the executed ones
CLAIMS = "claims"  # notebook with the verdicts
DEFAULT = "mini"  # study of commands that name none


def add_footer(study: Study, name: str, notebook: Path) -> None:
    """Write the last section into an executed notebook of the book, its source beside it.

    Parameters
    ----------
    study, name
        The study, and which of its notebooks.
    notebook
        The copy in the book; what it saved lies beside it.
    """
    source = notebook.parent / SOURCES / notebook.name
    source.parent.mkdir(exist_ok=True)
    shutil.copyfile(study.paths.root / "notebooks" / notebook.name, source)
    executed = nbformat.read(notebook, as_version=4)
    beside = sorted(p.name for p in study.paths.notebook(name).parent.glob("*.csv"))
    text = footer(study, name, parameters(executed), made_at(executed), beside)
    executed.cells.append(nbformat.v4.new_markdown_cell(text, id="about-this-page"))
    nbformat.write(executed, notebook)


def footer(study: Study, name: str, given: dict[str, Any], commit: str, data: list[str]) -> str:
    """The last section of a page, as MyST."""
    # A line with a link to a page that is not in the report may go: see `book.without`.
    listed = "; ".join(f"{{download}}`{file} <{file}>`" for file in data)
    values = ", ".join(f"`{key} = {json.dumps(value)}`" for key, value in given.items())
    place = study.paths.preview(name).parent.relative_to(study.paths.root).as_posix()
    lines = [
        "## About this page",
        "",
        f"Claims: {claims(study, name)}",
        "",
        f"Data behind its figures and tables: {listed}." if data else "It saves no table.",
        "",
        f"Made by {{download}}`notebooks/{name}.ipynb <{SOURCES}/{name}.ipynb>` from the study "
        f"`{study.name}` at commit `{commit}`, with {values}.",
        "To run it again with other parameters, in a clone where the study was made:",
        "",
        "```bash",
        command(study, name, given),
        "```",
        "",
        f"The result goes to `{place}/`, beside this page and never over it.",
    ]
    return "\n".join(lines)


def claims(study: Study, name: str) -> str:
    """Which claims of the papers a notebook bears on, as a sentence."""
    borne = [f"{one.id} ({one.title})" for one in load_claims() if name in one.notebooks]
    if name == CLAIMS:
        return "this page holds the verdicts on all of them."
    if not borne:
        return "it bears on none of the papers' claims by itself."
    where = f"; the verdicts are in [](./{CLAIMS}.ipynb)" if CLAIMS in study.notebooks else ""
    return f"it bears on {', '.join(borne)}{where}."


def command(study: Study, name: str, given: dict[str, Any]) -> str:
    """A command that runs a notebook with another parameter, one that the study can answer."""
    words = ["nox", "-s", "notebook", "--", name]
    if study.name != DEFAULT:
        words += ["--study", study.name]
    if "models" in given:
        words += ["-p", "models", some_models(study)]
    else:
        words += ["-p", *next((k, _as_yaml(v)) for k, v in given.items() if k != "study")]
    return shlex.join(words)


def _as_yaml(value: Any) -> str:
    text = str(value)
    return text if yaml.safe_load(text) == value else json.dumps(value)


def some_models(study: Study) -> str:
    """What some models of a study, and not all, may be asked for by."""
    names = model_names(read_table(study.paths.models))
    for name in (*TOWERS, *dict.fromkeys(one for few in names for one in few)):
        if 0 < sum(name in few for few in names) < len(names):
            return name
    return EVERY


def parameters(executed: nbformat.NotebookNode) -> dict[str, Any]:
    """Parameters that an executed notebook ran with: its defaults, and what replaced them."""
    found: dict[str, Any] = {}
    for cell in executed.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            for line in ast.parse(cell.source).body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    found[line.target.id] = ast.literal_eval(line.value or ast.Constant(None))
    return found | executed.metadata.get("papermill", {}).get("parameters", {})


def made_at(executed: nbformat.NotebookNode) -> str:
    """Commit that an executed notebook was run at."""
    return str(executed.metadata.get("cood", {}).get("commit", "unknown"))
