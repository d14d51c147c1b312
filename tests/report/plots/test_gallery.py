import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
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
    sizes = {"a/0.png": (600, 400), "a/1.png": (64, 48)}
    (tmp_path / "a").mkdir()
    for name, size in sizes.items():
        Image.new("RGB", size, "red").save(tmp_path / name)
    manifest = pd.DataFrame(
        {
            "image": list(sizes),
            "attribute": "red",
            "object": ["hat", "$x$ <b>"],
            "composition": [1, 0],
        }
    )
    page = gallery(tmp_path, manifest, ["blue", "red"], 9, 3, ["seen by 2", "in the core"])
    (row,) = BeautifulSoup(page.data, "html.parser").select(".gallery-row")
    assert row["aria-label"] == "red"
    pictures = row.select("button.picture")
    assert [picture["data-note"] for picture in pictures] == ["in the core", "seen by 2"]
    assert [picture.img["alt"] for picture in pictures] == ["red hat", "red $x$ <b>"]
    assert [picture.span.text for picture in pictures] == ["hat", "$x$ <b>"]
    data = [picture.img["src"].removeprefix("data:image/webp;base64,") for picture in pictures]
    shown = [Image.open(io.BytesIO(base64.b64decode(text))) for text in data]
    assert [image.size for image in shown] == [(256, 171), (64, 48)]


def test_a_row_has_each_object_once_and_at_most_the_columns(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png")
    manifest = pd.DataFrame({"object": ["hat", "hat", "bus", "dog"], "image": "0.png"})
    page = gallery(tmp_path, manifest.assign(attribute="red", composition=0), ["red"], 1, 2)
    pictures = BeautifulSoup(page.data, "html.parser").select("button.picture")
    assert [picture.span.text for picture in pictures] == ["hat", "bus"]
    assert pictures[0]["data-note"] == ""


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
    figure = draw_map(study, pd.DataFrame({"composition": [0, 0, 5]}))
    grid = figure.axes[0].images[0].get_array().ravel()  # no model is trained: images are counted
    assert (grid[0], grid[5], grid.sum()) == (2, 1, 3)
    assert figure.axes[1].get_ylabel() == "images"
    assert figure.get_size_inches()[0] < 30
    assert figure.axes[0].get_xlabel() == "998 objects"


def test_the_map_counts_the_models_and_marks_the_core(tiny):
    axes = draw_map(tiny, pd.DataFrame({"composition": [0]})).axes[0]
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
