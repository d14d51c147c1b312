"""Running a notebook with parameters by papermill, and checks that papermill does not make."""

from __future__ import annotations

import json
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
from cood.report.environment import OUTPUT_VARIABLE
from cood.report.provenance.commit import commit

TYPES = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict}
USER_ERRORS = {kind.__name__ for kind in (ArtefactError, CoodError, NotebookError, StudyError)}
# Otherwise each start of a kernel warns on stderr: https://github.com/ipython/ipykernel/issues/1515
KERNEL = Config({"KernelManager": {"transport_encryption": "auto"}})


def source(root: Path, name: str) -> Path:
    """Notebook `name` in `notebooks/`; an unknown name raises a NotebookError."""
    path = root / "notebooks" / f"{name}.ipynb"
    if not path.is_file():
        names = sorted(p.stem for p in (root / "notebooks").glob("*.ipynb"))
        raise NotebookError(unknown("notebook", name, names))
    return path


def check_parameters(notebook: Path, parameters: dict[str, Any]) -> dict[str, Any]:
    """Check parameters against the parameter cell of a notebook, and return them.

    Raises
    ------
    NotebookError
        If a parameter is not in the parameter cell, or does not have its type.
    """
    declared = papermill.inspect_notebook(_literally(notebook))
    for name, value in parameters.items():
        if name not in declared:
            raise NotebookError(f"{notebook.name}: {unknown('parameter', name, declared)}")
        kind = declared[name]["inferred_type_name"].split("[")[0].split(" ")[0]
        expected = TYPES.get(kind, object)
        fits = isinstance(value, expected) or (expected is float and isinstance(value, int))
        if not fits or (isinstance(value, bool) and expected in (int, float)):
            raise NotebookError(f"{notebook.name}: parameter {name} must be {kind}, got {value!r}")
    return parameters


def run(paths: Paths, name: str, parameters: dict[str, Any], output: Path) -> None:
    """Run a notebook in the project folder, and keep its output if every cell succeeds.

    The executed notebook and the files that it saves appear together when it has succeeded.

    Parameters
    ----------
    paths
        Of the study; its name is passed as the parameter `study`.
    name, parameters
        The notebook, and parameters that replace its defaults.
    output
        Path of the executed notebook; the files that it saves go to the same folder.

    Raises
    ------
    NotebookError
        For an unknown or wrong parameter, or for a failing cell, with its message and code.
    """
    notebook = source(paths.root, name)
    passed = check_parameters(notebook, {"study": paths.study, **parameters})
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    with tempfile.TemporaryDirectory(prefix="cood-") as folder:
        executed = Path(folder) / output.name
        os.environ[OUTPUT_VARIABLE] = folder
        try:
            papermill.execute_notebook(
                _literally(notebook),
                _literally(executed),
                passed,
                kernel_name="python3",
                cwd=str(paths.root),
                progress_bar=False,
                log_output=False,
                config=KERNEL,
            )
        except DeadKernelError as error:
            raise NotebookError(
                f"notebook {name}: its kernel died, probably out of memory; free some memory, or "
                "run with fewer --cores"
            ) from error
        except PapermillExecutionError as error:
            if error.ename in USER_ERRORS:  # its message is enough
                raise NotebookError(f"notebook {name}: {error.evalue}") from error
            raise NotebookError(
                f"notebook {name} failed in cell {error.exec_count}: {error.ename}: "
                f"{error.evalue}\n\n{_first_lines(error.source)}\n"
            ) from error
        finally:
            del os.environ[OUTPUT_VARIABLE]
        _remove_local_paths(executed, paths.root)
        saved = sorted(p for p in Path(folder).iterdir() if p != executed)
        _remove_stale(output.parent, {file.name for file in [*saved, executed]})
        for file in [*saved, executed]:  # the notebook last: it marks the output as complete
            with atomic(output.parent / file.name) as temporary:
                shutil.copyfile(file, temporary)


def _literally(path: Path) -> str:
    """A path for papermill, which takes what braces hold for a parameter."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _remove_stale(folder: Path, kept: set[str]) -> None:
    """Remove the files of an earlier run, such as a figure that is not drawn any more."""
    for file in folder.glob("[!.]*"):
        if file.is_file() and file.name not in kept:
            file.unlink()


def _first_lines(source: str, most: int = 12) -> str:
    lines = source.splitlines()
    return "\n".join(lines[:most] + (["..."] if len(lines) > most else []))


def _remove_local_paths(executed: Path, root: Path) -> None:
    """Remove the paths of this machine from an executed notebook, and note its commit."""
    text = executed.read_text()
    for written in {json.dumps(f"{root}/", ensure_ascii=ascii_) for ascii_ in (True, False)}:
        text = text.replace(written[1:-1], "")
    notebook = nbformat.reads(text, as_version=4)
    for key in ("input_path", "output_path"):
        notebook.metadata.get("papermill", {}).pop(key, None)
    notebook.metadata["cood"] = {"commit": commit(root)}
    executed.write_text(nbformat.writes(notebook))
