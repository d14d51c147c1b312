import pytest
import torch

from cood.errors import CoodError
from cood.models.null_models import null_model
from cood.models.small_clip import untrained_clip
from cood.settings import NullModel


def weights(**settings):
    return null_model(NullModel(**settings)).model.state_dict()


def test_a_small_clip_has_the_weights_that_training_starts_from():
    start = untrained_clip("vit", seed=5).model.state_dict()
    clip = null_model(NullModel(architecture="vit", seed=5))
    assert not clip.model.training
    assert clip.source == "vit, untrained, seed 5"
    for name, tensor in clip.model.state_dict().items():
        torch.testing.assert_close(tensor, start[name], rtol=0, atol=0)


def test_seeds_differ():
    one, other = (weights(architecture="resnet", seed=seed) for seed in (0, 1))
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_an_architecture_of_open_clip_is_made_without_a_download():
    clip = null_model(NullModel(architecture="ViT-S-32-alt"))
    assert clip.config["embed_dim"] == 256
    assert not clip.model.training
    tokens = clip.tokenize(["a red apple"])
    with torch.inference_mode():
        assert clip.model.encode_text(tokens).shape == (1, 256)


def test_an_architecture_that_does_not_exist_is_refused():
    with pytest.raises(CoodError, match="no architecture 'ViT-Z-7'"):
        null_model(NullModel(architecture="ViT-Z-7"))
