"""The work that a plan counts, against that of a run."""

from collections import Counter

import pytest

from cood.evaluation.accuracy import accuracy
from cood.evaluation.common.nearest import Classes
from cood.evaluation.embed import embed, factor_sets
from cood.evaluation.embed.loading import load_clip
from cood.evaluation.interventions import dimension_swap, interventions
from cood.evaluation.representation.representation_metrics import score_representation
from cood.metrics import table
from cood.models.clip import Clip
from cood.pipeline import cost_model, work
from cood.settings import Interventions
from cood.settings.study_file import load_study


@pytest.fixture
def counted(monkeypatch):
    """What models and rankings are given: images, prompts and similarities."""
    counts = Counter()

    def loaded(*args):
        clip = load_clip(*args)
        encode_text, encode_image = clip.model.encode_text, Clip.encode_image

        def texts(tokens):
            counts["prompts"] += len(tokens)
            return encode_text(tokens)

        def images(self, pixels):
            counts["images"] += len(pixels)
            return encode_image(self, pixels)

        monkeypatch.setattr(clip.model, "encode_text", texts)
        monkeypatch.setattr(Clip, "encode_image", images)
        return clip

    nearest = Classes.nearest

    def ranked(self, images, *options, **named):
        counts["similarities"] += len(images) * len(self.unit)
        counts["rankings"] += 1
        return nearest(self, images, *options, **named)

    monkeypatch.setattr(embed, "load_clip", loaded)
    monkeypatch.setattr(Classes, "nearest", ranked)
    return counts


def quiet(text):
    pass


def test_images_and_prompts_of_embedding(copied, counted):
    embed.embed_model(copied, "few", quiet)
    assert counted["images"] == sum(
        work.images_embedded(copied, set_) for set_ in copied.sets_of("few")
    )
    assert counted["prompts"] == work.prompts(copied, "few")


def test_similarities_of_accuracy(copied, counted):
    accuracy.score_accuracy(copied, "few")
    planned = work.similarities_of_accuracy(copied, "few")
    assert counted["similarities"] <= planned <= 1.5 * counted["similarities"]


def test_similarities_of_swaps(copied, counted):
    dimension_swap.swap_dimensions(copied, "few")
    assert counted["rankings"] == work.SWAP_RANKINGS
    # Few codes are left to draw pairs from in so small a set.
    assert counted["similarities"] <= work.similarities_of_swaps(copied)


def test_similarities_of_edits(copied, counted):
    study = copied.model_copy(update={"interventions": Interventions(doses=[1, 2], repeats=2)})
    interventions.score_interventions(study, "few")
    planned = work.similarities_of_edits(study)
    assert counted["rankings"] <= study.interventions.rankings <= 3 * counted["rankings"]
    assert counted["similarities"] <= planned


def test_numbers_that_metrics_are_computed_of(copied, monkeypatch):
    counts = Counter()
    shared = table.SharedInput

    def counted(data, seed):
        counts["numbers"] += data.codes.size
        return shared(data, seed)

    monkeypatch.setattr(table, "SharedInput", counted)
    study = with_fixed_width(copied)
    score_representation(study, "few")
    planned = work.numbers_of_metrics(study, "few", 64)
    # The split of unseen compositions is smaller than all.
    assert counts["numbers"] <= planned <= 2 * counts["numbers"]
    one = study.representation_metrics.model_copy(update={"splits": ["all"]})
    study = study.model_copy(update={"representation_metrics": one})
    counts.clear()
    score_representation(study, "few")
    assert counts["numbers"] == work.numbers_of_metrics(study, "few", 64)


def with_fixed_width(study):
    settings = study.representation_metrics.model_copy(update={"fixed_width": 16})
    return study.model_copy(update={"representation_metrics": settings})


def test_numbers_of_edited_codes(copied, monkeypatch):
    counts = Counter()
    shared = table.SharedInput

    def counted(data, seed):
        counts["numbers"] += data.codes.size
        return shared(data, seed)

    monkeypatch.setattr(table, "SharedInput", counted)
    edits = Interventions(doses=[1, 2], repeats=2, samples=20)
    study = copied.model_copy(update={"interventions": edits})
    interventions.score_interventions(study, "few")
    assert 0 < counts["numbers"] <= work.numbers_of_edits(study, 64)


def test_contexts_of_factor_sets():
    assert factor_sets.CONTEXTS == cost_model.CONTEXTS


def test_what_was_timed_beside_a_gpu_is_the_work_of_the_paper(monkeypatch):
    paper, width = load_study("paper"), 768
    monkeypatch.setattr(work, "images_kept", lambda study, set_: 60_000)
    counted = (
        work.numbers_of_metrics(paper, next(iter(paper.models)), width),
        work.numbers_of_edits(paper, width),
        work.products_of_swaps(paper, width),
    )
    timed = (cost_model.TIMED_NUMBERS, cost_model.TIMED_EDITS, cost_model.TIMED_SWAPS)
    assert timed == pytest.approx(counted, rel=1e-3)
