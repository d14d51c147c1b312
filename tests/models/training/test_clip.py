import numpy as np
import pandas as pd
import pytest
import torch

from cood.catalogue.sources import local_source
from cood.errors import StudyError
from cood.files import read_table, read_tensors
from cood.models.clip import text_tower
from cood.models.loading import load
from cood.models.small_clip import untrained_clip
from cood.models.training.clip import draw_tensors, train_model
from cood.models.training.fitting import used_vocabulary
from cood.models.zoo import image_towers, text_towers
from cood.paths import Paths
from cood.settings import Towers
from cood.training_set import training_captions


def quiet(text):
    pass


def weights(paths, name):
    return (paths.model(name) / "open_clip_model.safetensors").read_bytes()


def test_what_is_written(done):
    folder = done.paths.model("few")
    assert {file.name for file in folder.iterdir()} == {
        "open_clip_config.json",
        "open_clip_model.safetensors",
        "captions.parquet",
        "training.parquet",
        "moments.safetensors",
    }
    shown = read_table(folder / "captions.parquet")
    pd.testing.assert_frame_equal(shown, training_captions(done, done.models["few"]))
    history = read_table(folder / "training.parquet")
    assert list(history["step"]) == list(range(1, 9))
    assert list(history["images"]) == list(range(8, 65, 8))
    assert np.isfinite(history).all(axis=None)


def test_training_again_gives_the_same_bits(built, tiny):
    train_model(tiny, "few", quiet)
    both = (tiny.paths, Paths(built, "tiny"))
    assert both[0].root != both[1].root
    assert weights(both[0], "few") == weights(both[1], "few")
    moments = [read_tensors(paths.model("few") / "moments.safetensors")[0] for paths in both]
    for key in ("steps", "images", "texts"):
        np.testing.assert_array_equal(moments[0][key], moments[1][key])


def test_only_tokens_that_occur_are_trained_in_the_whole_vocabulary(done):
    start = untrained_clip(done.models["few"].towers, 0)
    before = text_tower(start.model).token_embedding.weight.detach()
    clip = load(local_source(done.paths.model("few")))
    after = text_tower(clip.model).token_embedding.weight.detach()
    assert after.shape == (49408, 64)
    tokens = clip.tokenize(training_captions(done, done.models["few"])["caption"].tolist())
    probed = clip.tokenize([f"a photo of a {c}" for c in done.words.compositions()])
    trained = (before != after).any(dim=1).nonzero().flatten()
    used = torch.cat([tokens.flatten(), probed.flatten()]).unique()
    assert set(trained.tolist()) <= set(used.tolist())
    # Padding comes after the end, where a causal tower does not look: only weight decay moves it.
    assert set(tokens.unique().tolist()) - {0} <= set(trained.tolist())


def test_training_that_fails_leaves_the_whole_vocabulary():
    clip = untrained_clip(Towers(image_tower="resnet"), 0)
    tower = text_tower(clip.model)
    whole, weights = tower.token_embedding, tower.token_embedding.weight.detach().clone()
    tokens = clip.tokenize(["a red hat"])
    with pytest.raises(ZeroDivisionError), used_vocabulary(clip, tokens):  # noqa: PT012
        assert len(tower.token_embedding.weight) == len(tokens.unique())
        with torch.no_grad():
            tower.token_embedding.weight.zero_()
        raise ZeroDivisionError
    assert tower.token_embedding is whole
    torch.testing.assert_close(whole.weight.detach(), weights)


def test_the_saved_model_embeds_as_the_trained_one_did(done):
    moments, metadata = read_tensors(done.paths.model("few") / "moments.safetensors")
    assert metadata == {"model": "few"}
    assert moments["images"].shape == moments["texts"].shape == (2, 20, 64)
    assert list(moments["steps"]) == [0, 8]
    clip = load(local_source(done.paths.model("few")))
    tokens = clip.tokenize([f"a photo of a {c}" for c in done.words.compositions()])
    images = draw_tensors(done, clip, np.arange(20), (4,))
    with torch.inference_mode():
        texts, pictures = clip.model.encode_text(tokens), clip.model.encode_image(images)
    np.testing.assert_allclose(moments["texts"][-1], texts, atol=1e-5)
    np.testing.assert_allclose(moments["images"][-1], pictures, atol=1e-5)
    assert np.abs(moments["texts"][0] - moments["texts"][-1]).max() > 1e-3
    assert np.abs(moments["images"][0] - moments["images"][-1]).max() > 1e-3


def test_training_lowers_the_loss(project, parse):
    study = parse(models={"m": {"share": 0.6, "images": 64, "steps": 48, "batch": 16}})
    train_model(study, "m", quiet)
    loss = read_table(study.paths.model("m") / "training.parquet")["loss"]
    assert loss.iloc[-4:].mean() < 0.8 * loss.iloc[:4].mean()


def test_the_seed_changes_the_weights(built, project, parse):
    study = parse(models={"m": {"share": 0.6, "seed": 1}})
    train_model(study, "m", quiet)
    assert weights(study.paths, "m") != weights(Paths(built, "tiny"), "few")


def test_progress_is_reported(project, parse):
    said = []
    study = parse(models={"m": {"share": 0.6, "images": 40}})
    train_model(study, "m", said.append)
    assert said == ["m: drawing 40 training images"]


@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
@pytest.mark.parametrize("text", text_towers())
@pytest.mark.parametrize("image", image_towers())
def test_every_small_clip_takes_images_and_texts(image, text, loss):
    towers = Towers(image_tower=image, text_tower=text, embed_dim=16, loss=loss)
    clip = untrained_clip(towers, seed=0)
    assert clip.source == f"{image}-{text}-16-{loss}"
    size = clip.config["vision_cfg"]["image_size"]
    with torch.inference_mode():
        images = clip.model.encode_image(torch.zeros(2, 3, size, size))
        texts = clip.model.encode_text(clip.tokenize(["a hat", "a dog"]))
    assert images.shape == texts.shape == (2, 16)
    assert (clip.model.logit_bias is None) == (loss == "softmax")


def test_equal_seeds_give_equal_weights():
    states = [
        untrained_clip(Towers(image_tower="vit"), seed).model.state_dict() for seed in (1, 1, 2)
    ]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert not all(torch.equal(states[0][key], states[2][key]) for key in states[0])


def test_drawings_depend_on_their_stream(tiny):
    clip = untrained_clip(Towers(image_tower="resnet"), 0)
    one, same, other = (draw_tensors(tiny, clip, np.arange(3), (2, s)) for s in (0, 0, 1))
    assert one.shape == (3, 3, 32, 32)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_fewer_images_than_a_batch(project, parse):
    with pytest.raises(StudyError, match=r"models.m: batch: 65 is more than the 64 images"):
        parse(models={"m": {"share": 0.6, "batch": 65, "steps": 64}})


def test_sigmoid_loss(project, parse):
    study = parse(models={"m": {"share": 0.6, "loss": "sigmoid"}})
    train_model(study, "m", quiet)
    clip = load(local_source(study.paths.model("m")))
    assert clip.model.logit_bias is not None
    assert clip.model.logit_bias.item() != -10


def test_an_unknown_tower_gets_near_ones(project, parse):
    study = parse(models={"m": {"share": 0.6, "image_tower": "resnet65"}})
    with pytest.raises(StudyError, match=r"unknown tower 'resnet65'; did you mean resnet"):
        train_model(study, "m", quiet)
    assert not study.paths.model("m").exists()


def test_a_checkpoint_is_not_trained(project, parse):
    study = parse(models={"c": {"checkpoint": "ViT-B-32/laion2b_e16"}})
    with pytest.raises(StudyError, match="'c' is a checkpoint; there is nothing to train"):
        train_model(study, "c", quiet)


# With nine, the warm-up would end on its first step.
@pytest.mark.parametrize(("steps", "batch"), [(9, 8), (1, 64)])
def test_few_steps(project, parse, steps, batch):
    study = parse(models={"m": {"share": 0.6, "steps": steps, "batch": batch}})
    train_model(study, "m", quiet)
    assert len(read_table(study.paths.model("m") / "training.parquet")) == steps


def test_the_last_moment_is_the_end_of_training(project, parse):
    study = parse(models={"m": {"share": 0.6, "moments": 2}})
    train_model(study, "m", quiet)
    moments, _ = read_tensors(study.paths.model("m") / "moments.safetensors")
    assert list(moments["steps"]) == [0, 8]
