import pytest
import torch

from cood.errors import CoodError
from cood.models.null_models import null_model
from cood.models.small_clip import untrained_clip
from cood.settings import NullModel, Towers


def weights(**settings):
    return null_model(NullModel(**settings)).model.state_dict()


def test_a_small_clip_has_the_weights_that_training_starts_from():
    start = untrained_clip(Towers(image_tower="vit"), seed=5).model.state_dict()
    clip = null_model(NullModel(image_tower="vit", seed=5))
    assert not clip.model.training
    assert clip.source == "vit-causal-64-softmax, untrained, seed 5"
    for name, tensor in clip.model.state_dict().items():
        torch.testing.assert_close(tensor, start[name], rtol=0, atol=0)


def test_seeds_differ():
    one, other = (weights(image_tower="resnet", seed=seed) for seed in (0, 1))
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_an_architecture_of_open_clip_is_made_without_a_download():
    clip = null_model(NullModel(architecture="ViT-S-32-alt"))
    assert clip.config["embed_dim"] == 256
    assert not clip.model.training
    tokens = clip.tokenize(["a red apple"])
    with torch.inference_mode():
        assert clip.model.encode_text(tokens).shape == (1, 256)


def test_the_parts_of_a_small_clip_are_those_of_the_settings():
    parts = {"image_tower": "resnet", "text_tower": "bidirectional", "embed_dim": 32}
    clip = null_model(NullModel(**parts, loss="sigmoid"))
    assert clip.source == "resnet-bidirectional-32-sigmoid, untrained, seed 0"
    assert clip.model.logit_bias is not None
    start = untrained_clip(Towers(**parts, loss="sigmoid"), seed=0).model.state_dict()
    for name, tensor in clip.model.state_dict().items():
        torch.testing.assert_close(tensor, start[name], rtol=0, atol=0)


def test_an_architecture_that_does_not_exist_is_refused():
    with pytest.raises(CoodError, match="no architecture 'ViT-Z-7'"):
        null_model(NullModel(architecture="ViT-Z-7"))
