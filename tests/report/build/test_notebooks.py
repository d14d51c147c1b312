import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from cood.errors import NotebookError
from cood.paths import Paths
from cood.report import tables
from cood.report.build.notebooks import check_parameters, run, source

PARAMETERS = """\
study: str = "mini"  # name of a study
count: int = 3  # how many
share: float = 0.5  # how much
names: list[str] = ["a"]  # which
flag: bool = False  # whether
anything = None
"""

WORK = """\
from cood.report import tables

tables.output("made.csv").write_text(f"{study},{count},{share}")
print(study, count, share, names, flag)
"""


@pytest.fixture(autouse=True)
def _output(monkeypatch):
    monkeypatch.setenv("COOD_OUTPUT", ".")  # put back what a run leaves


def write(project, name, *cells):
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    parameters = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    cells = [new_markdown_cell("# Title"), parameters, *map(new_code_cell, cells)]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    path = project / "notebooks" / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def notebook(project):
    return write(project, "work", WORK, "import os; os.getcwd()")


def printed(path):
    notebook = nbformat.read(path, as_version=4)
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    return [o.get("text") or o["data"]["text/plain"] for o in outputs]


def test_a_notebook_runs_with_its_parameters(project, notebook):
    before = notebook.read_bytes()
    paths = Paths(project, "tiny")
    output = paths.notebook("work")
    output.parent.mkdir(parents=True)
    (output.parent / "stale.svg").touch()  # of an earlier run
    run(paths, "work", {"count": 5, "share": 1}, output)
    assert {file.name for file in output.parent.iterdir()} == {"work.ipynb", "made.csv"}
    assert output == paths.notebook("work")
    # The study is passed; a float may be whole; what is not given keeps its default.
    assert printed(output) == ["tiny 5 1 ['a'] False\n", f"'{project}'"]
    assert (output.parent / "made.csv").read_text() == "tiny,5,1"
    assert {file.name for file in output.parent.iterdir()} == {"work.ipynb", "made.csv"}
    executed = nbformat.read(output, as_version=4)
    nbformat.validate(executed)
    assert {"input_path", "output_path"}.isdisjoint(executed.metadata["papermill"])
    assert f"{project}/" not in output.read_text()
    assert notebook.read_bytes() == before


def test_a_failing_cell_is_named_and_leaves_no_output(project):
    write(project, "bad", WORK, "values = []\nvalues[7]")
    paths = Paths(project, "tiny")
    output = paths.notebook("bad")
    output.parent.mkdir(parents=True)
    output.write_text("of an earlier run")
    with pytest.raises(NotebookError, match="notebook bad failed in cell") as caught:
        run(paths, "bad", {}, paths.notebook("bad"))
    message = str(caught.value)
    assert "IndexError: list index out of range" in message
    assert "values[7]" in message
    assert "Traceback" not in message
    # Neither the executed notebook nor what its first cell saved.
    assert [file.name for file in output.parent.iterdir()] == ["bad.ipynb"]
    assert output.read_text() == "of an earlier run"


@pytest.mark.filterwarnings("ignore")
def test_a_kernel_that_dies_is_told(project):
    write(project, "dead", "import os; os._exit(1)")
    with pytest.raises(NotebookError, match="dead"):
        run(Paths(project, "tiny"), "dead", {}, project / "out.ipynb")


def test_an_unknown_notebook_gets_near_ones(project, notebook):
    assert source(project, "work") == notebook
    with pytest.raises(NotebookError, match=r"unknown notebook 'wrok'; did you mean work\?"):
        source(project, "wrok")
    with pytest.raises(NotebookError, match="unknown notebook 'wrok'"):
        run(Paths(project, "tiny"), "wrok", {}, project / "out.ipynb")


def test_an_unknown_parameter_gets_near_ones(project, notebook):
    with pytest.raises(
        NotebookError, match=r"work.ipynb: unknown parameter 'cuont'; did you mean count"
    ):
        run(Paths(project, "tiny"), "work", {"cuont": 1}, project / "out.ipynb")
    assert not (project / "results").exists()


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("count", "5", "int"),
        ("count", 1.5, "int"),
        ("count", True, "int"),
        ("count", None, "int"),
        ("share", "half", "float"),
        ("share", False, "float"),
        ("study", 3, "str"),
        ("names", "a", "list"),
        ("flag", 1, "bool"),
    ],
)
def test_a_wrong_type_is_refused(project, notebook, name, value, kind):
    with pytest.raises(NotebookError, match=f"parameter {name} must be {kind}, got {value!r}"):
        check_parameters(notebook, {name: value})


@pytest.mark.parametrize(
    "given",
    [{}, {"count": -1}, {"share": 2}, {"names": []}, {"flag": True}, {"anything": [1, "a"]}],
)
def test_right_types_pass(notebook, given):
    assert check_parameters(notebook, given) == given


def test_outside_a_run_files_go_to_the_current_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("COOD_OUTPUT")
    assert str(tables.output("a.csv")) == "a.csv"
    monkeypatch.setenv("COOD_OUTPUT", str(tmp_path))
    assert tables.output("a.csv") == tmp_path / "a.csv"
