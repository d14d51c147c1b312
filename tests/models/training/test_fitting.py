"""Training a CLIP: steps, texts without padding, treatments, divergence."""

import numpy as np
import pytest
import torch

from cood.models.clip import text_tower
from cood.models.small_clip import untrained_clip
from cood.models.training import fitting
from cood.models.training.fitting import fit, used_vocabulary
from cood.models.training.treatments import Treatment
from cood.settings import Recipe, Towers

CAPTIONS = ["a photo of a red bus", "dog", "a striped hat", "the moss covered shopping cart"]
RECIPE = {"image_tower": "resnet", "share": 1.0, "images": 16, "batch": 4, "learning_rate": 1e-3}


def quiet(text):
    pass


def problem(**changes):
    """A small CLIP, its recipe, 16 random images and their tokens."""
    recipe = Recipe(**{**RECIPE, "steps": 6, **changes})
    clip = untrained_clip(recipe.towers, 0, torch.device("cpu"))
    images = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return clip, recipe, images, clip.tokenize(CAPTIONS * 4)


def state(clip):
    return {name: value.clone() for name, value in clip.model.state_dict().items()}


@pytest.mark.parametrize("tower", ["causal", "bidirectional"])
def test_texts_without_padding_have_the_same_embeddings(tower):
    clip = untrained_clip(Towers(image_tower="resnet", text_tower=tower), 0)
    clip.model.eval()
    tokens = clip.tokenize(CAPTIONS)
    before, whole = clip.model.encode_text(tokens), state(clip)
    with used_vocabulary(clip, tokens) as (short,):
        # Begin, five words and end; padding that is seen by others stays.
        assert short.shape == (4, 8 if tower == "causal" else 12)
        assert int(short.max()) < 20
        torch.testing.assert_close(clip.model.encode_text(short), before, rtol=0, atol=1e-6)
    for name, value in clip.model.state_dict().items():
        assert torch.equal(value, whole[name]), name
    assert text_tower(clip.model).positional_embedding.shape == (12, 64)


def test_training_moves_the_positions_that_occur_and_keeps_the_others():
    clip, recipe, images, tokens = problem()
    before = text_tower(clip.model).positional_embedding.detach().clone()
    with used_vocabulary(clip, tokens) as (short,):
        fit(clip, recipe, images, short, quiet)
    after = text_tower(clip.model).positional_embedding
    assert (after[:8] != before[:8]).any(dim=1).all()
    assert torch.equal(after[8:], before[8:])


def test_a_text_that_occurs_twice_in_a_step_counts_twice():
    """Each step has the loss, and so the gradient before it, of images with texts of their own."""
    clip, recipe, images, tokens = problem(steps=6, batch=16)
    once = fit(clip, recipe, images, tokens, quiet)
    clip, *_ = problem(steps=6, batch=16)
    model = clip.model.to(memory_format=fitting.LAYOUT).train()
    each = fitting.ClipLoss()

    def plainly(batch):
        image = model.encode_image(images[batch].to(memory_format=fitting.LAYOUT), normalize=True)
        text = model.encode_text(tokens[batch], normalize=True)
        loss = each(image, text, model.logit_scale.exp())
        return loss, loss

    twice = fitting.descend(model, recipe, 16, plainly, quiet)
    assert once["loss"].iloc[-1] < 0.95 * once["loss"].iloc[0]
    np.testing.assert_allclose(once["loss"], twice["loss"], rtol=1e-3)


@pytest.mark.parametrize(("steps", "batch", "images"), [(7, 4, 16), (3, 5, 15), (1, 16, 16)])
def test_as_many_steps_as_asked_show_all_images_equally_often(steps, batch, images):
    recipe = Recipe(**{**RECIPE, "images": images, "steps": steps, "batch": batch})
    generator = torch.Generator().manual_seed(0)
    batches = list(fitting._batches(16, recipe, generator))
    assert [len(each) for each in batches] == [batch] * steps
    counts = np.bincount(torch.cat(batches).numpy(), minlength=16)
    assert counts.max() - counts.min() <= 1 or 16 % batch
    assert counts.max() <= -(-steps * batch // (16 - 16 % batch))


@pytest.mark.parametrize("name", ["orthogonality", "orthogonality_placebo", "additivity"])
def test_a_treatment_of_strength_0_trains_the_same_bits(name):
    stated = torch.eye(8).repeat(2, 1)

    def trained(treatment):
        clip, recipe, images, tokens = problem()
        history = fit(clip, recipe, images, tokens, quiet, treatment=treatment)
        return state(clip), history

    plain, losses = trained(None)
    for strength, equal in ((0.0, True), (3.0, False)):
        other, history = trained(Treatment(name, strength, stated, 4, seed=0))
        assert all(torch.equal(value, other[key]) for key, value in plain.items()) == equal
        assert losses.equals(history) == equal
    # What is kept is the loss of the contrast: the first one is that of equal weights.
    assert history["loss"][0] == losses["loss"][0]


def test_a_model_that_diverges_keeps_its_last_sound_weights(monkeypatch):
    clip, recipe, images, tokens = problem(steps=12)
    moments, said, step = [], [], iter(range(100))

    def exploding(image, text, scale):
        loss = (image - text).square().sum()
        return loss * (float("nan") if next(step) == 8 else 1)

    monkeypatch.setattr(fitting, "ClipLoss", lambda: exploding)
    history = fit(clip, recipe, images, tokens, said.append, moments=[2], keep=moments.append)
    assert history["step"].tolist() == list(range(1, 10))
    assert np.isnan(history["loss"].iloc[-1])
    assert np.isfinite(history["loss"].iloc[:-1]).all()
    assert all(value.isfinite().all() for value in clip.model.state_dict().values())
    assert moments == [2, 9]
    assert any("diverged at step 9" in line for line in said)
