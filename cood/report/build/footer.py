"""The last section of a notebook's page: its claims, data, source, parameters, how to rerun it."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import nbformat
import yaml

from cood.analysis.claims.definitions import load_claims
from cood.analysis.results import ENCODER_KINDS, EVERY, model_names
from cood.files import read_table
from cood.report.build.sections import leave_out_empty
from cood.settings.study_file import Study

SOURCES = "source"  # folder of the notebooks without outputs, in that of the executed ones
CLAIMS = "claims"  # notebook with the verdicts
DEFAULT = "mini"  # study of commands that name none
COMMENT = re.compile(r"(\w+):.*?  # (.+)")  # a parameter and its explanation


def add_footer(study: Study, name: str, notebook: Path) -> None:
    """Give an executed notebook its last section, which has its parameters, and copy its source.

    A reader, on a phone above all, must not have to scroll over code: the cells of parameters are
    replaced by a table at the end, and what shows nothing is left out; see `leave_out_empty`.

    Parameters
    ----------
    study, name
        The study, and which of its notebooks.
    notebook
        The copy in the book, in one folder with the files that it saved.
    """
    source = notebook.parent / SOURCES / notebook.name
    source.parent.mkdir(exist_ok=True)
    shutil.copyfile(study.paths.root / "notebooks" / notebook.name, source)
    executed = nbformat.read(notebook, as_version=4)
    saved = sorted(p.name for p in study.paths.notebook(name).parent.glob("*.csv"))
    text = footer(study, name, parameters(executed), commit_of(executed), saved)
    table = parameter_table(parameters(executed), explanations(executed))
    cells = [cell for cell in executed.cells if not _sets_parameters(cell)]
    executed.cells = leave_out_empty(cells)
    last = nbformat.v4.new_markdown_cell(f"{text}\n\n{table}", id="about-this-page")
    executed.cells.append(last)
    nbformat.write(executed, notebook)


def _sets_parameters(cell: nbformat.NotebookNode) -> bool:
    return bool({"parameters", "injected-parameters"} & set(cell.metadata.get("tags", [])))


def footer(study: Study, name: str, values: dict[str, Any], commit: str, data: list[str]) -> str:
    """The last section of a page, as MyST.

    Parameters
    ----------
    study, name
        The study, and which of its notebooks.
    values
        Parameters that the notebook ran with.
    commit, data
        Commit at which it ran; names of the tables that it saved.
    """
    # A line with a link to a page that is not in the report may go: see `book.remove_absent`.
    downloads = "; ".join(f"{{download}}`{file} <{file}>`" for file in data)
    place = study.paths.preview(name).parent.relative_to(study.paths.root).as_posix()
    lines = [
        "## About this page",
        "",
        f"Claims: {related_claims(study, name)}",
        "",
        f"Data of its figures and tables: {downloads}." if data else "The page saves no table.",
        "",
        f"Source: {{download}}`notebooks/{name}.ipynb <{SOURCES}/{name}.ipynb>`, run on the study "
        f"`{study.name}` at commit `{commit}` with the parameters below.",
        "To run it with others, in a clone in which the study has been run:",
        "",
        "```bash",
        command(study, name, values),
        "```",
        "",
        f"The result is written to `{place}/`; this page does not change.",
    ]
    return "\n".join(lines)


def related_claims(study: Study, name: str) -> str:
    """Which claims of the papers a notebook contributes to, as a sentence."""
    related = [f"{claim.id} ({claim.title})" for claim in load_claims() if name in claim.notebooks]
    if name == CLAIMS:
        return "this page has the verdicts on all of them."
    if not related:
        return "the page contributes to none of the papers' claims."
    where = f"; the verdicts are in [](./{CLAIMS}.ipynb)" if CLAIMS in study.notebooks else ""
    return f"the page contributes to {', '.join(related)}{where}."


def command(study: Study, name: str, values: dict[str, Any]) -> str:
    """A command that runs a notebook with another parameter, one that the study can answer.

    A notebook without another parameter than the study is run again as it is.
    """
    words = ["nox", "-s", "notebook", "--", name]
    if study.name != DEFAULT:
        words += ["--study", study.name]
    others = {key: value for key, value in values.items() if key != "study"}
    if "models" in others:
        others = {"models": some_models(study)}
    for key, value in [*others.items()][:1]:
        words += ["-p", f"{key}={_as_yaml(value)}"]
    return shlex.join(words)


def _as_yaml(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        is_yaml = yaml.safe_load(text) == value
    except yaml.YAMLError:  # such as "*x", which would be an alias
        is_yaml = False
    return text if is_yaml else json.dumps(value)


def some_models(study: Study) -> str:
    """A value of the parameter `models` that selects some models of a study, and not all."""
    names = model_names(read_table(study.paths.models))
    for name in (*ENCODER_KINDS, *dict.fromkeys(name for own in names for name in own)):
        if 0 < sum(name in own for own in names) < len(names):
            return name
    return EVERY


def parameters(executed: nbformat.NotebookNode) -> dict[str, Any]:
    """Parameters that an executed notebook ran with: its defaults, and those that replaced them."""
    defaults: dict[str, Any] = {}
    for cell in executed.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            for line in ast.parse(cell.source).body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    defaults[line.target.id] = ast.literal_eval(line.value or ast.Constant(None))
    return defaults | executed.metadata.get("papermill", {}).get("parameters", {})


def explanations(executed: nbformat.NotebookNode) -> dict[str, str]:
    """Comment of each parameter in the parameter cell of a notebook."""
    cells = [c for c in executed.cells if "parameters" in c.metadata.get("tags", [])]
    lines = [line for cell in cells for line in cell.source.splitlines() if COMMENT.match(line)]
    return {match[1]: match[2] for match in map(COMMENT.match, lines) if match}


def parameter_table(values: dict[str, Any], about: dict[str, str]) -> str:
    """Parameters with their values and explanations, as a folded table in MyST."""
    rows = [
        f"| `{name}` | `{_cell(json.dumps(value))}` | {_plain(about.get(name, ''))} |"
        for name, value in values.items()
    ]
    head = ["| parameter | value | what it is |", "|---|---|---|"]
    return "\n".join([":::{dropdown} Parameters", *head, *rows, ":::"])


def _cell(text: str) -> str:
    """Text of a cell of a table, which it must not end."""
    return text.replace("|", "\\|")


def _plain(text: str) -> str:
    """Text of a cell in which no asterisk is markup."""
    return _cell(text).replace("*", "\\*")


def commit_of(executed: nbformat.NotebookNode) -> str:
    """Commit that an executed notebook was run at."""
    return str(executed.metadata.get("cood", {}).get("commit", "unknown"))
