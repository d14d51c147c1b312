import ast
import pkgutil
import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import nbformat
import papermill
import pytest
import yaml

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STUDIES = sorted((ROOT / "workflow" / "studies").glob("*.yaml"))


def in_the_book():
    """Names of the notebooks that the table of contents names."""
    return set(re.findall(r"file: executed/(\w+)", (ROOT / "book" / "_toc.yml").read_text()))


def in_a_study(file):
    return set(yaml.safe_load(file.read_text()).get("notebooks", {}))


def with_files_of_their_own():
    """Notebooks that the Snakefile gives files besides the joined tables."""
    text = (ROOT / "workflow" / "Snakefile").read_text()
    (entries,) = re.findall(r"^READ_BY = \{$(.*?)^\}$", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r'^    "(\w+)":', entries, re.MULTILINE))


def modules(package):
    return {info.name for info in pkgutil.iter_modules([str(ROOT / package)])}


# Names of notebooks, by the place that has them.
NAMED = {
    "book/_toc.yml": in_the_book(),
    "READ_BY in workflow/Snakefile": with_files_of_their_own(),
    **{f"workflow/studies/{file.name}": in_a_study(file) for file in STUDIES},
    **{place: modules(place) for place in ("cood/analysis/topics", "cood/report/topics")},
}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def calls(source):
    nodes = ast.walk(ast.parse(source))
    return {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}


def imported(code):
    """What the cells import from `cood.report`, by name."""
    statements = (s for cell in code for s in ast.walk(ast.parse(cell.source)))
    return {
        alias.asname or alias.name: getattr(import_module(s.module), alias.name, None)
        or import_module(f"{s.module}.{alias.name}")
        for s in statements
        if isinstance(s, ast.ImportFrom) and s.module.startswith("cood.report")
        for alias in s.names
    }


def draws(source, names):
    """Whether a cell calls a function of `cood.report` that returns a figure, also one in HTML."""
    for call in calls(source):
        first, *rest = call.split(".")
        if first in names and all(part.isidentifier() for part in rest):
            function = reduce(getattr, rest, names[first])
            if getattr(function, "__annotations__", {}).get("return") in (
                "Figure",
                "Figure | None",
                "Pictures",
            ):
                return True
    return False


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 4
    assert all(NAMED.values())


def test_it_is_a_page_of_the_book(path):
    assert path.stem in in_the_book(), f"book/_toc.yml: no entry `file: executed/{path.stem}`"


def test_a_study_shows_it(path):
    shown = set().union(*map(in_a_study, STUDIES))
    assert path.stem in shown, f"workflow/studies: no study has {path.stem} under `notebooks`"


@pytest.mark.parametrize("place", NAMED)
def test_every_notebook_that_is_named_exists(place):
    missing = NAMED[place] - {path.stem for path in NOTEBOOKS}
    assert not missing, f"{place} names {sorted(missing)}; there is no such file in notebooks/"


def test_it_is_valid_and_for_the_kernel_that_runs_it(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


def test_nothing_is_stored_of_a_run(code):
    for cell in code:
        assert cell.outputs == []
        assert cell.execution_count is None


def test_nothing_is_defined(code):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    for cell in code:
        assert not any(isinstance(node, kinds) for node in ast.walk(ast.parse(cell.source)))


def test_it_is_short(code):
    assert len(code) <= 8


def test_it_starts_with_a_title(notebook):
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")


def test_a_box_says_what_was_asked_and_what_came_out(notebook):
    _, _, box = notebook.cells[0].source.partition(":::{admonition} Question and result\n")
    assert "{glue:text}`" in box.partition("\n:::")[0]


def test_one_cell_holds_typed_and_commented_parameters(code):
    cells = [cell for cell in code if "parameters" in tags(cell)]
    assert len(cells) == 1
    source = cells[0].source
    lines = source.splitlines()
    statements = ast.parse(source).body
    assert statements
    for statement in statements:
        assert isinstance(statement, ast.AnnAssign), ast.unparse(statement)
        written = lines[statement.lineno - 1 : statement.end_lineno]
        assert any("  # " in line for line in written), ast.unparse(statement)
        ast.literal_eval(statement.value)


def test_papermill_sees_the_parameters(path, code):
    (cell,) = (cell for cell in code if "parameters" in tags(cell))
    written = {
        statement.target.id: ast.literal_eval(statement.value)
        for statement in ast.parse(cell.source).body
    }
    seen = papermill.inspect_notebook(str(path))
    assert seen.keys() == written.keys()
    assert "study" in seen
    for name, value in written.items():
        assert ast.literal_eval(seen[name]["default"]) == value
        assert seen[name]["inferred_type_name"] == type(value).__name__


def test_every_figure_has_a_caption_a_name_and_a_text_for_those_who_cannot_see_it(code):
    names, functions = [], imported(code)
    for cell in code:
        about = cell.metadata.get("mystnb", {})
        is_drawing = draws(cell.source, functions)
        if is_drawing or "figure" in about:
            assert is_drawing, "a caption needs a figure, from a function that returns one"
            assert about.keys() >= {"image", "figure"}, f"no caption: {cell.source}"
            assert len(about["image"]["alt"]) > 40
            assert about["figure"]["caption"].endswith(".")
            names.append(about["figure"]["name"])
    assert len(set(names)) == len(names)


def test_what_is_glued_is_named_once_and_shown_by_name(notebook, code):
    glued = [
        node.args[0].value
        for cell in code
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "glue"
    ]
    assert glued
    assert len(set(glued)) == len(glued)


def test_no_notebook_loads_a_model(code):
    for cell in code:
        assert "torch" not in cell.source
        assert "open_clip" not in cell.source
        assert "cood.models" not in cell.source
