import ast
from pathlib import Path

import nbformat
import papermill
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
PLOTTING_FUNCTIONS = {
    "accuracy.plot_probe_accuracy",
    "claims.forest",
    "gallery.gallery",
    "gallery.scenes",
    "gallery.split_map",
    "interventions.plot_dose_response",
    "interventions.plot_effects",
    "interventions.plot_mediation",
    "null_models.plot_against_null_models",
    "panels.arrival_steps",
    "panels.metric_panels",
    "panels.training_curves",
    "plots.bars",
    "plots.correlation_heatmap",
    "plots.curves",
    "plots.heatmap",
    "plots.interval_rows",
    "plots.model_scatter",
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


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 4


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
    names = []
    for cell in code:
        about = cell.metadata.get("mystnb", {})
        if calls(cell.source) & PLOTTING_FUNCTIONS or "figure" in about:
            assert calls(cell.source) & PLOTTING_FUNCTIONS
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
