import base64
import io
import json
import zlib

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cood.analysis.topics.explorer import ModelAnswers, Sample, answers_of, sample_images
from cood.evaluation.accuracy.accuracy import score_accuracy
from cood.report.environment import OUTPUT_VARIABLE
from cood.report.topics import explorer
from cood.splits import core, seen
from cood.synthesis.manifests import read_manifest


def random_answers(rng, n, pairs, attributes, objects):
    return ModelAnswers(
        rng.integers(0, pairs, (n, 5)),
        rng.uniform(-1, 1, (n, 5)),
        rng.integers(0, attributes, n),
        rng.integers(0, objects, n),
        rng.permutation(pairs)[: pairs // 2],
    )


def take(data, kind, n, at):
    """As `take` in book/_static/explorer.js: the next `n` values, and where they end."""
    end = at + n * np.dtype(kind).itemsize
    return np.frombuffer(data[at:end], kind), end


@pytest.mark.parametrize(
    ("attributes", "objects", "kinds"),
    [(4, 5, "u1 u1 u1"), (16, 16, "u1 u1 u1"), (18, 22, "u2 u1 u1"), (130, 1000, "u4 u1 u2")],
)
def test_packed_answers_are_read_back(attributes, objects, kinds):
    n, pairs = 7, attributes * objects
    answers = random_answers(np.random.default_rng(1), n, pairs, attributes, objects)
    text = explorer.pack(answers, pairs, attributes, objects)
    data, at = zlib.decompress(base64.b64decode(text)), 0
    of_pair, of_attribute, of_object = (f"<{kind}" for kind in kinds.split())
    found, at = take(data, of_pair, 5 * n, at)
    np.testing.assert_array_equal(found.reshape(5, n), answers.pairs.T)
    found, at = take(data, "i1", 5 * n, at)
    np.testing.assert_allclose(found.reshape(5, n) / 100, answers.cosines.T, atol=0.005)
    found, at = take(data, of_attribute, n, at)
    np.testing.assert_array_equal(found, answers.attributes)
    found, at = take(data, of_object, n, at)
    np.testing.assert_array_equal(found, answers.objects)
    found, at = take(data, "u1", pairs, at)
    assert set(np.flatnonzero(found)) == set(answers.seen)
    assert at == len(data)


def coloured(folder, colours):
    files = []
    for i, colour in enumerate(colours):
        Image.new("RGB", (40 + i, 64), colour).save(folder / f"{i}.png")
        files.append(f"{i}.png")
    return files


def test_each_thumbnail_has_its_place_on_the_sheet_of_its_attribute(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)]
    counts = np.array([[2, 0], [1, 1]])
    grid = np.arange(4).reshape(2, 2)
    sample = Sample(np.arange(2), np.arange(2), grid, np.array([3, 1, 0, 2]), counts)
    sheets = explorer.draw_sheets(tmp_path, coloured(tmp_path, colours), sample, 10**6)
    images = [np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB")) for sheet in sheets]
    assert [image.shape for image in images] == [(128, 128, 3)] * 2
    middles = [image[32::64, 32::64].astype(int) for image in images]  # [row, column]
    white = (255, 255, 255)
    expected = [[[colours[3], colours[1]], [white, white]]]
    expected += [[[colours[0], white], [colours[2], white]]]
    np.testing.assert_allclose(middles, expected, atol=30)  # WebP changes colours a little


def test_sheets_have_lower_quality_where_that_keeps_the_bound(tmp_path):
    rng = np.random.default_rng(2)
    noise = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    noise.save(tmp_path / "0.png")
    one = np.ones((1, 1), dtype=int)
    sample = Sample(np.arange(1), np.arange(1), one - 1, np.arange(1), one)

    def size(most):
        return len(explorer.draw_sheets(tmp_path, ["0.png"], sample, most)[0])

    best = size(10**6)
    less = size(best - 1)
    assert best > less > size(1) > 1


@pytest.fixture
def saved(copied, tmp_path, monkeypatch):
    """The study with the data of its explorer, and the values in the scripts by their names."""
    monkeypatch.setenv(OUTPUT_VARIABLE, str(tmp_path))
    score_accuracy(copied, "few")
    manifest = read_manifest(copied, "ao")
    sample = sample_images(manifest["composition"].to_numpy(), copied.words, 3200)
    answers = {"few": answers_of(copied, "ao", "few", sample.images)}
    models = pd.DataFrame({"model": ["few", "most"], "family": ["1", "2"], "share": [0.6, 0.9]})
    size = explorer.save_data(copied, "ao", manifest["image"].tolist(), sample, models, answers)
    return copied, sample, size, tmp_path


def test_the_files_of_data_are_scripts_and_sheets_within_the_bound(saved):
    study, sample, size, folder = saved
    files = {file.name: file for file in folder.iterdir() if file.is_file()}
    n = len(study.words.attributes)
    assert set(files) == {"index.mjs", "model-0.mjs", *(f"sheet-{i}.webp" for i in range(n))}
    assert size == sum(file.stat().st_size for file in files.values()) < explorer.MOST_BYTES
    values = {}
    for name in ("index", "model-0"):
        text = files[f"{name}.mjs"].read_text()
        assert text.startswith(f'explorerData("{name}", ')
        assert text.endswith(");\n")
        values[name] = json.loads(text.removeprefix(f'explorerData("{name}", ')[: -len(");\n")])
    index = values["index"]
    assert index["attributes"] == list(study.words.attributes)
    assert sum(index["counts"]) == len(sample.images) == 40
    assert index["core"] == core(study).tolist()
    about = "sees 60% of the compositions outside the core"
    assert index["models"] == [{"name": "few", "about": about, "trained": True}]
    assert index["start"] == {"model": "few"}
    data = zlib.decompress(base64.b64decode(values["model-0"]))
    marks = np.frombuffer(data[-study.words.size :], np.uint8)
    assert set(np.flatnonzero(marks)) == set(seen(study, study.trained["few"]))


def test_the_start_is_the_model_of_median_accuracy():
    one = np.ones((1, 1), dtype=int)
    sample = Sample(np.arange(1), np.arange(1), one - 1, np.arange(4), 4 * one)
    nothing = np.empty(0, dtype=int)
    answers = {
        name: ModelAnswers(np.array(own)[:, None], np.ones((4, 1)), nothing, nothing, nothing)
        for name, own in {"best": [0, 0, 0, 1], "worst": [1] * 4, "middle": [0, 0, 1, 1]}.items()
    }
    assert explorer.median_model(sample, answers) == "middle"


def test_the_page_says_what_it_shows(parse):
    words = parse().words
    composition = np.repeat(np.arange(words.size), 3)
    every = sample_images(composition, words, 100)
    models = pd.DataFrame({"model": ["a", "b", "c"], "missing": ["", "", "no such file"]})
    text = explorer.describe_choice(words, models, ["a", "b"], every, 60)
    assert text == "The explorer has all 2 models and all 60 images of 20 compositions."
    some = sample_images(composition, words, 14)
    text = explorer.describe_choice(words, models[["model"]], ["a"], some, 60)
    assert text == (
        "The explorer has 1 of 3 models, spread evenly over accuracy, and 12 of 60 images, so that "
        "the page stays small: those of 2 of 4 attributes with 2 of 5 objects, at most 3 a "
        "composition."
    )


def test_only_what_was_trained_here_has_marks(parse):
    assert "A dot marks a composition" in explorer.describe_seen_marks(parse())
    published = {"there": {"checkpoint": "local-dir:there", "family": "1"}}
    assert "all count as unseen" in explorer.describe_seen_marks(parse(models=published))
    both = {"few": {"share": 0.6}, **published}
    assert "Published models have no dots" in explorer.describe_seen_marks(parse(models=both))


def test_the_figure_has_a_cell_for_each_composition():
    table = pd.DataFrame(
        {
            "attribute": ["red", "red", "blue"],
            "object": ["hat", "apple", "hat"],
            "pair_unseen": [0.5, np.nan, 1.0],
        }
    )
    axes = explorer.draw_grid(table).axes[0]
    values = np.ma.filled(axes.collections[0].get_array().reshape(2, 2), -1)
    assert values.tolist() == [[50, -1], [100, -1]]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["hat", "apple"]
    plt.close("all")
