"""Each source of weights has a function that loads a CLIP from it, and is described."""

from itertools import permutations
from pathlib import Path

import pytest

from cood.catalogue.sources import SOURCES, has_form, is_bare, local_path, prefix_of
from cood.errors import CoodError
from cood.models import image_encoders, loading
from cood.models.loading import load

MODEL_PAGE = Path(__file__).parents[2] / "book" / "how-to" / "model.md"


@pytest.mark.parametrize("prefix", SOURCES)
class TestSource:
    def test_a_clip_can_be_loaded_from_it(self, prefix):
        assert prefix in loading.LOADERS, (
            f"cood/models/loading.py: LOADERS has no function for {prefix}"
        )

    def test_its_loader_describes_it(self, prefix):
        assert f"``{prefix}" in str(load.__doc__), (
            f"cood/models/loading.py: the docstring of load does not describe {prefix}"
        )

    def test_the_page_on_models_has_an_example(self, prefix):
        assert prefix in MODEL_PAGE.read_text(), f"book/how-to/model.md: no example of {prefix}"


def test_every_function_that_loads_has_a_source():
    for module in (loading, image_encoders):
        extra = set(module.LOADERS) - {"", *SOURCES}
        assert not extra, (
            f"cood/catalogue/sources.py: SOURCES lacks {extra}, which {module.__name__} loads from"
        )


def test_no_prefix_is_the_beginning_of_another():
    for first, second in permutations(SOURCES, 2):
        assert not second.startswith(first)


def test_what_the_prefix_says():
    assert [prefix_of(n) for n in ("ViT-B-32/openai", "hf-hub:a/b")] == ["", "hf-hub:"]
    assert [is_bare(n) for n in ("file:w.pt", "local-dir:w", "RN50/x")] == [True, False, False]
    assert local_path("local-dir:a/b") == Path("a/b")
    assert local_path("ViT-B-32/openai") is None
    assert [has_form(f"hf-hub:{n}") for n in ("a/b@v1", "a", "a/b/c")] == [True, True, False]


def test_an_image_encoder_from_a_source_of_clips_alone_is_refused(monkeypatch):
    monkeypatch.delitem(image_encoders.LOADERS, "file:")
    with pytest.raises(CoodError, match="cannot be loaded from a file of weights alone"):
        image_encoders.load_image_encoder("file:w.pt", architecture="resnet50.a1_in1k")
