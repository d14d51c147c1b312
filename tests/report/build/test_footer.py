import nbformat
import pandas as pd
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cood.files import write_table
from cood.report.build import footer
from cood.report.build.sections import GLUED

PARAMETERS = 'study: str = "mini"  # name\nmodels: str = "all"  # which, such as "x*" or a|b\n'


def executed(parameters=PARAMETERS):
    glued = new_output("display_data", {f"{GLUED}/text/plain": "'1'"})
    shown = new_output("display_data", {"text/html": "<table></table>"})
    about = {"cood": {"commit": "abc123"}, "papermill": {"parameters": {"study": "tiny"}}}
    code = {
        "parameters": new_code_cell(parameters),
        "injected-parameters": new_code_cell('study = "tiny"'),
        "hide-input": new_code_cell("glue()", outputs=[glued]),
    }
    for tag, cell in code.items():
        cell.metadata["tags"] = [tag]
    last = new_code_cell("table", outputs=[shown, glued], metadata={"tags": ["hide-input"]})
    cells = [new_markdown_cell("# A"), *code.values(), last]
    return new_notebook(cells=cells, metadata=about)


def models(study):
    rows = [("few", "vit", "5 %"), ("most", "resnet", "80 %")]
    table = pd.DataFrame(rows, columns=["model", "architecture", "family"])
    write_table(table, study.paths.models)


def test_a_page_ends_with_its_claims_its_making_its_data_and_a_command(tiny, project):
    models(tiny)
    nbformat.write(new_notebook(), project / "notebooks" / "accuracy.ipynb")
    beside = tiny.paths.notebook("accuracy").parent
    beside.mkdir(parents=True)
    (beside / "leaderboard.csv").touch()
    copy = project / "executed" / "accuracy.ipynb"
    copy.parent.mkdir()
    nbformat.write(executed(), copy)
    footer.add_footer(tiny, "accuracy", copy)
    assert (copy.parent / "source" / "accuracy.ipynb").is_file()
    cells = nbformat.read(copy, as_version=4).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "code", "markdown"]
    assert cells[1].metadata["tags"] == ["remove-input"]  # it only saves values for the text
    assert cells[2].metadata["tags"] == ["hide-input"]
    text = cells[-1].source
    assert "C2 (C-OoD rises with ID accuracy)" in text
    assert "{download}`leaderboard.csv <leaderboard.csv>`" in text
    assert "{download}`notebooks/accuracy.ipynb <source/accuracy.ipynb>`" in text
    assert "study `tiny` at commit `abc123` with the parameters below" in text
    assert "nox -s notebook -- accuracy --study tiny -p models=convolutional" in text
    assert "`results/tiny/preview/accuracy/`" in text
    folded = text[text.index(":::{dropdown} Parameters") :].splitlines()
    assert '| `study` | `"tiny"` | name |' in folded
    assert r'| `models` | `"all"` | which, such as "x\*" or a\|b |' in folded


def test_a_page_that_bears_on_no_claim_says_so(tiny):
    assert "none" in footer.related_claims(tiny, "unheard-of")


def test_without_models_to_choose_another_parameter_is_the_example(tiny):
    given = footer.parameters(executed('study: str = "mini"  # name\nrows: int = 4  # how many\n'))
    assert given == {"study": "tiny", "rows": 4}
    assert footer.command(tiny, "dataset", given).endswith("dataset --study tiny -p rows=4")
    assert footer.command(tiny, "design", {"study": "tiny"}).endswith("design --study tiny")
    given = {"study": "tiny", "rule": "strict"}
    assert footer.command(tiny, "novelty", given).endswith("-p rule=strict")
    given = {"study": "tiny", "level": "0.5"}  # text, and not the number that YAML would see
    assert footer.command(tiny, "novelty", given).endswith("""-p 'level="0.5"'""")
    given = {"study": "tiny", "names": ["a", "*b"]}
    assert footer.command(tiny, "novelty", given).endswith("""-p 'names=["a", "*b"]'""")
    given = {"study": "tiny", "name": "*b"}  # no alias
    assert footer.command(tiny, "novelty", given).endswith("""-p 'name="*b"'""")


def test_of_models_alike_one_is_the_example(tiny):
    rows = [("few", "resnet", "5 %"), ("most", "resnet", "80 %")]
    table = pd.DataFrame(rows, columns=["model", "architecture", "family"])
    write_table(table, tiny.paths.models)
    assert footer.some_models(tiny) == "5 %"
    write_table(table[:1], tiny.paths.models)
    assert footer.some_models(tiny) == "all"
