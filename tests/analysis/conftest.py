"""A study of models of graded quality: no training, but the true stages on made-up embeddings."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.special import expit

from cood.analysis.results import load_results
from cood.evaluation.accuracy.accuracy import score_accuracy
from cood.evaluation.accuracy.baselines import score_baselines
from cood.evaluation.collect import collect
from cood.evaluation.interventions.dimension_swap import swap_dimensions
from cood.evaluation.representation.representation_metrics import score_representation
from cood.files import write_table, write_tensors
from cood.settings.study_file import load_study
from tests.analysis.simulated import simulated_study

ROOT = Path(__file__).parents[2]
WIDTH = 16
# How much noise the image embeddings of each model have, from the best model to the worst.
NOISE = {f"m{i}": 0.14 + 0.05 * i for i in range(10)}
GRADED = {
    "seed": 3,
    "vocabulary": {
        "attributes": ["red", "blue", "striped", "dirty", "wooden", "floral"],
        "objects": ["apple", "hat", "dog", "bus", "umbrella", "cat"],
    },
    "core": 0.2,
    "sets": {"mine": {"source": "folder", "folder": "data/mine"}},
    "id_sets": {"val": {"folder": "data/val"}},
    "models": {
        name: {"checkpoint": f"local-dir:{name}", "family": f"family {i % 8}"}
        for i, name in enumerate(NOISE)
    },
    "evaluation": {"resamples": 100},
    "retrieval": {"samples": 100},
    "dimension_swap": {"samples": 100},
    "representation_metrics": {
        "metrics": ["explicitness", "dci", "dcimig"],
        "splits": ["all"],
        "repeats": 1,
        "folds": 2,
        "dimensions": 8,
    },
    "notebooks": {},
}


def make_graded(root, *, shuffled):
    """Make the study in a folder, with its labels or with shuffled ones; its name."""
    (root / "workflow" / "studies").mkdir(parents=True)
    shutil.copy(ROOT / "workflow" / "Snakefile", root / "workflow")
    (root / "workflow" / "studies" / "graded.yaml").write_text(yaml.safe_dump(GRADED))
    (root / "notebooks").mkdir()
    study = load_study("graded")
    words, rng = study.words, np.random.default_rng(5)
    truth = np.repeat(np.arange(words.size), 6)
    labels = rng.permutation(truth) if shuffled else truth
    fixed = {"bytes": 0, "status": "kept"}
    images = [f"{i}.png" for i in range(len(labels))]
    mine = pd.DataFrame({"composition": labels, "image": images, **fixed})
    write_table(mine, study.paths.manifest("mine"))
    classes = np.repeat(np.arange(len(words.objects)), 12)
    seen = rng.permutation(classes) if shuffled else classes
    images = [f"{i}.png" for i in range(len(seen))]
    val = pd.DataFrame({"class": seen, "image": images, **fixed})
    write_table(val, study.paths.manifest("val"))
    for name, noise in NOISE.items():
        attributes, objects = (
            rng.standard_normal((len(w), WIDTH)) for w in (words.attributes, words.objects)
        )
        every = np.arange(words.size)
        texts = attributes[words.attribute_of(every)] + objects[words.object_of(every)]
        # Better models have texts that are nearer to sums of words, and images nearer to texts.
        texts = texts + noise * rng.standard_normal(texts.shape)
        images = texts[truth] + 6 * noise * rng.standard_normal((len(truth), WIDTH))
        known = objects[classes] + 5 * noise * rng.standard_normal((len(classes), WIDTH))
        tensors = {"images": images, "compositions": texts, "attributes": attributes}
        for set_, arrays in (
            ("mine", tensors | {"objects": objects}),
            ("val", {"images": known, "objects": objects}),
        ):
            as_written = {k: v.astype(np.float32) for k, v in arrays.items()}
            write_tensors(as_written, study.paths.embeddings(name, set_), {"embed_dim": str(WIDTH)})
        for stage in (score_accuracy, swap_dimensions, score_representation):
            stage(study, name)
    score_baselines(study)
    collect(study)


@pytest.fixture(scope="session")
def made_graded(tmp_path_factory):
    """The study with its labels, in a project of its own: to read only."""
    root = tmp_path_factory.mktemp("graded") / "project"
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        make_graded(root, shuffled=False)
    return root


@pytest.fixture
def graded(made_graded, monkeypatch):
    """The name of that study; the current folder is its project."""
    monkeypatch.chdir(made_graded)
    return "graded"


@pytest.fixture
def shuffled(tmp_path, monkeypatch):
    """The name of the same study with shuffled labels; the current folder is its project."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    make_graded(root, shuffled=True)
    return "graded"


@pytest.fixture
def simulated():
    """Draw models of several families around a known line."""

    def draw(rng, *, families=12, each=6, slope=1.0, between=0.3, within=0.1, shift=0.0):
        """Accuracies around a line between logits; half of the families lies `shift` up."""
        family = np.repeat(np.arange(families), each)
        x = rng.normal(0.5, 1, families)[family] + rng.normal(0, 0.5, len(family))
        y = -0.2 + slope * x + rng.normal(0, between, families)[family]
        y += rng.normal(0, within, len(family)) + shift * (family < families // 2)
        table = pd.DataFrame({"id": expit(x), "ood": expit(y), "family": [f"f{i}" for i in family]})
        return table.set_index(table.index.map("m{}".format))

    return draw


@pytest.fixture
def simulate(tmp_path, monkeypatch):
    """Make a study with known effects, in a project of its own that is the current folder."""
    count = itertools.count()

    def make(**options):
        """The results of `simulated_study` with these options."""
        root = tmp_path / f"project-{next(count)}"
        root.mkdir()
        monkeypatch.chdir(root)
        return load_results(simulated_study(root, **options).name)

    return make
