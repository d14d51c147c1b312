"""Running a parameterised notebook with papermill, and checking what papermill does not."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from cood.errors import ArtefactError, CoodError, NotebookError, StudyError, unknown
from cood.files import atomic
from cood.paths import Paths
from cood.report.provenance.run_status import commit
from cood.report.tables import OUTPUT

TYPES = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict}
USERS = {kind.__name__ for kind in (ArtefactError, CoodError, NotebookError, StudyError)}
# Else each start of a kernel warns on stderr: https://github.com/ipython/ipykernel/issues/1515
KERNEL = Config({"KernelManager": {"transport_encryption": "auto"}})


def source(root: Path, name: str) -> Path:
    """Notebook `name` in `notebooks/`; an unknown name raises a NotebookError."""
    path = root / "notebooks" / f"{name}.ipynb"
    if not path.is_file():
        known = sorted(p.stem for p in (root / "notebooks").glob("*.ipynb"))
        raise NotebookError(unknown("notebook", name, known))
    return path


def check_parameters(notebook: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Parameters that the notebook would run with: its defaults, overridden by `given`.

    Raises
    ------
    NotebookError
        If a parameter is not in the notebook's parameter cell, or has not its type.
    """
    declared = papermill.inspect_notebook(str(notebook))
    for name, value in given.items():
        if name not in declared:
            raise NotebookError(f"{notebook.name}: {unknown('parameter', name, declared)}")
        kind = declared[name]["inferred_type_name"].split("[")[0].split(" ")[0]
        expected = TYPES.get(kind, object)
        fits = isinstance(value, expected) or (expected is float and isinstance(value, int))
        if not fits or (isinstance(value, bool) and expected in (int, float)):
            raise NotebookError(f"{notebook.name}: parameter {name} must be {kind}, got {value!r}")
    return given


def run(paths: Paths, name: str, given: dict[str, Any], output: Path) -> None:
    """Run a notebook in the project folder and keep it, if every cell ran.

    The executed notebook, and what it saves beside it, appear together when it has succeeded.

    Parameters
    ----------
    paths
        Of the study; its name is passed as the parameter `study`.
    name, given
        The notebook and parameters that replace its defaults.
    output
        Where to put the executed notebook, with what it saves beside it.

    Raises
    ------
    NotebookError
        For an unknown or wrong parameter, or a failing cell: its number, message and code.
    """
    notebook = source(paths.root, name)
    parameters = check_parameters(notebook, {"study": paths.study, **given})
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    with tempfile.TemporaryDirectory(prefix="cood-") as folder:
        executed = Path(folder) / output.name
        os.environ[OUTPUT] = folder
        try:
            papermill.execute_notebook(
                str(notebook),
                str(executed),
                parameters,
                kernel_name="python3",
                cwd=str(paths.root),
                progress_bar=False,
                log_output=False,
                config=KERNEL,
            )
        except DeadKernelError as error:
            raise NotebookError(
                f"notebook {name} died without a word; most often memory ran out: free some, or "
                "run with fewer --cores"
            ) from error
        except PapermillExecutionError as error:
            if error.ename in USERS:  # one sentence says it all
                raise NotebookError(f"notebook {name}: {error.evalue}") from error
            raise NotebookError(
                f"notebook {name} failed in cell {error.exec_count}: {error.ename}: "
                f"{error.evalue}\n\n{_head(error.source)}\n"
            ) from error
        finally:
            del os.environ[OUTPUT]
        _tidy(executed, paths.root)
        beside = sorted(p for p in Path(folder).iterdir() if p != executed)
        for file in [*beside, executed]:  # the notebook last: it says that all is there
            with atomic(output.parent / file.name) as temporary:
                shutil.copyfile(file, temporary)


def _head(source: str, lines: int = 12) -> str:
    kept = source.splitlines()
    return "\n".join(kept[:lines] + (["..."] if len(kept) > lines else []))


def _tidy(executed: Path, root: Path) -> None:
    # Paths of this machine have no place in a report.
    text = executed.read_text()
    notebook = nbformat.reads(text.replace(f"{root}/", ""), as_version=4)
    for key in ("input_path", "output_path"):
        notebook.metadata.get("papermill", {}).pop(key, None)
    notebook.metadata["cood"] = {"commit": commit(root)}
    executed.write_text(nbformat.writes(notebook))
