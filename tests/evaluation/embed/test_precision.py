import numpy as np
import pytest
import torch

from cood.errors import StudyError
from cood.evaluation.embed.images import Embedded
from cood.evaluation.embed.job import Job, SetImages, SetTexts, describe_precision
from cood.evaluation.embed.metadata import Embeddings
from cood.evaluation.embed.precision import (
    SAMPLED,
    computing,
    resolve,
    same_answers,
    sample,
)

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_the_default_is_half_on_a_gpu_and_single_elsewhere():
    assert [resolve("auto", GPU), resolve("auto", CPU)] == ["half", "single"]
    assert [resolve("single", GPU), resolve("single", CPU)] == ["single", "single"]
    assert resolve("half", GPU) == "half"
    with pytest.raises(StudyError, match="precision: half needs a GPU"):
        resolve("half", CPU)


def test_a_block_of_computing_has_no_gradients():
    with computing("single", CPU):
        assert torch.is_inference_mode_enabled()
    assert not torch.is_inference_mode_enabled()


def test_samples_are_spread_over_all_rows():
    assert sample(3).tolist() == [0, 1, 2]
    assert sample(1).tolist() == [0]
    many = sample(100_000)
    assert (len(many), many[0], many[-1]) == (SAMPLED, 0, 99_999)
    assert np.ptp(np.diff(many)) <= 1


def test_agreement_has_known_values():
    left = np.array([[1, 0], [0, 2], [3, 3]], dtype=np.float32)
    texts = np.eye(2)
    assert same_answers((left, left), (texts, texts)) == 1
    assert same_answers((left, left[:, ::-1]), (texts, texts)) == pytest.approx(1 / 3)  # a tie
    assert same_answers((left[:2], left[:2]), (texts, texts[::-1])) == 0


@pytest.mark.parametrize(("precision", "kind"), [("half", np.float16), ("single", np.float32)])
def test_embeddings_are_stored_in_the_precision_that_they_were_computed_in(precision, kind):
    values = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    stored = Embeddings({"images": values}, {"precision": precision}).stored
    assert stored["images"].dtype == kind


def half(values, again=0):
    return SetImages(Embedded(values, "half", again), values[sample(len(values))])


def test_the_metadata_say_precision_count_and_agreement():
    single = SetImages(Embedded(np.ones((3, 2), np.float32)))
    assert describe_precision(single, SetTexts(np.ones((2, 2)))) == {
        "precision": "single",
        "embedded_again": "0",
    }
    images = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    texts = np.eye(4, dtype=np.float32)
    turned = texts + np.float32(0.1)
    about = describe_precision(half(images, 2), half(images, 3), SetTexts(texts, 4, turned))
    assert list(about) == [
        "precision",
        "embedded_again",
        "image_cosine",
        "text_cosine",
        "same_answers",
    ]
    assert about["precision"] == "half"
    assert about["embedded_again"] == "9"
    assert float(about["image_cosine"]) == pytest.approx(1)
    cosine = 1.1 / np.sqrt(1.1**2 + 3 * 0.1**2)
    assert float(about["text_cosine"]) == pytest.approx(cosine)
    unit = images[sample(300)]
    same = (unit @ texts.T).argmax(axis=1) == (unit @ turned.T).argmax(axis=1)
    assert float(about["same_answers"]) == pytest.approx(same.mean())


def test_a_study_that_asks_for_half_without_a_gpu_is_refused(done):
    from cood.evaluation.embed.job import job_of
    from cood.models.small_clip import untrained_clip
    from cood.settings import Towers

    clip = untrained_clip(Towers(image_tower="resnet"), seed=0, device=CPU)
    assert isinstance(job_of(done, "few", clip), Job)
    asked = done.model_copy(update={"precision": "half"})
    with pytest.raises(StudyError, match="use auto or single"):
        job_of(asked, "few", clip)
