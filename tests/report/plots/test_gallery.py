import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cood.errors import NotebookError
from cood.report.plots.gallery import gallery, split_map
from cood.report.tables import styled
from cood.report.topics.dataset import designs, kept, outcomes
from cood.splits import splits


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_images_of_any_size_are_shown_and_attributes_without_one_are_not(tmp_path):
    sizes = {"0.png": (300, 200), "1.png": (64, 128)}
    for name, size in sizes.items():
        Image.new("RGB", size, "red").save(tmp_path / name)
    manifest = pd.DataFrame(
        {"image": ["0.png", "1.png"], "attribute": "red", "object": ["cash $5", "$x^$ <b>"]}
    )
    figure = gallery(tmp_path, manifest, ["blue", "red"], rows=9, columns=3)
    figure.canvas.draw()  # would fail on a formula
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["red"]
    mosaic = np.asarray(axes.images[0].get_array())
    assert mosaic.shape == (110, 300, 4)
    np.testing.assert_array_equal(mosaic[14:110, :96], np.full((96, 96, 4), [255, 0, 0, 255]))
    assert not mosaic[:14, :, 3].any()  # between the images, the page shows through
    assert {"cash $5", "$x^$ <b>"} == {text.get_text() for text in axes.texts}


@pytest.mark.parametrize("grid", [{"rows": -1, "columns": 3}, {"rows": 3, "columns": 0}])
def test_a_gallery_of_nothing_is_refused(tmp_path, grid):
    with pytest.raises(NotebookError, match=r"^(rows|columns): expected a number from 1, got "):
        gallery(tmp_path, pd.DataFrame(), ["red"], **grid)


def test_a_map_of_a_thousand_objects_fits_a_page(parse):
    study = parse(
        vocabulary={"attributes": ["red", "blue"], "objects": "imagenet"},
        models={"m": {"checkpoint": "ViT-B-32-quickgelu/openai"}},
    )
    figure = split_map(study, splits(study))
    assert figure.get_size_inches()[0] < 30
    assert figure.axes[0].get_xlabel() == "998 objects"


def test_what_became_of_the_images():
    status = ["kept"] * 3 + ["damaged: <b> 1", "damaged: x", "empty file"]
    table = outcomes(pd.DataFrame({"status": status}))
    assert kept(table) == (
        "Of 6 images, 3 were kept. The others were not, for these reasons: damaged (2), "
        "empty file (1)."
    )
    assert (
        kept(outcomes(pd.DataFrame({"status": ["kept"] * 1200}))) == "All 1,200 images were kept."
    )


def test_text_of_a_table_is_no_html():
    table = pd.DataFrame({"word": ["<script>alert(1)</script>"], "n": [1.5]})
    html = styled(table).format(precision=1).to_html()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert ">1.5<" in html


def test_a_study_without_drawings_needs_no_icons(parse):
    study = parse(
        vocabulary={"attributes": ["red", "blue"], "objects": ["unicorn", "dragon"]},
        sets={"own": {"source": "folder", "folder": "x"}},
        models={"m": {"checkpoint": "ViT-B-32-quickgelu/openai"}},
    )
    assert designs(study)["glyphs"].tolist() == [0]
    assert designs(parse())["objects"].max() == 5
