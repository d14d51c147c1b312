import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cood.errors import NotebookError
from cood.report.plots.gallery import draw_map, gallery
from cood.report.topics.dataset import icon_designs
from cood.splits import core, times_seen


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
def test_a_gallery_without_rows_or_columns_is_an_error(tmp_path, grid):
    with pytest.raises(
        NotebookError, match=r"^parameter (rows|columns): got (-1|0); set it to 1 or more"
    ):
        gallery(tmp_path, pd.DataFrame(), ["red"], **grid)


def test_a_map_of_a_thousand_objects_fits_a_page(parse):
    study = parse(
        vocabulary={"attributes": ["red", "blue"], "objects": "imagenet"},
        models={"m": {"checkpoint": "ViT-B-32-quickgelu/openai"}},
    )
    figure = draw_map(study)
    assert figure.get_size_inches()[0] < 30
    assert figure.axes[0].get_xlabel() == "998 objects"


def test_the_map_counts_the_models_and_marks_the_core(tiny):
    axes = draw_map(tiny).axes[0]
    grid = axes.images[0].get_array()
    assert grid.shape == (4, 5)
    marked = np.zeros(20, dtype=bool)
    marked[core(tiny)] = True
    np.testing.assert_array_equal(grid.mask.ravel(), marked)
    np.testing.assert_array_equal(grid.data.ravel()[~marked], times_seen(tiny)[~marked])
    assert axes.images[0].get_clim() == (0, 2)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(tiny.words.attributes)


def test_a_study_without_drawings_needs_no_icons(parse):
    study = parse(
        vocabulary={"attributes": ["red", "blue"], "objects": ["unicorn", "dragon"]},
        sets={"own": {"source": "folder", "folder": "x"}},
        models={"m": {"checkpoint": "ViT-B-32-quickgelu/openai"}},
    )
    assert icon_designs(study)["glyphs"].tolist() == [0]
    assert icon_designs(parse())["objects"].max() == 5
