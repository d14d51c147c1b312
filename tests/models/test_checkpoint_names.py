import pytest

from cood.errors import StudyError
from cood.models.checkpoint_names import check_checkpoint
from cood.models.zoo import image_towers, text_towers, towers_of
from cood.settings import Checkpoint, Towers


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"checkpoint": "models/mine"}, "'models/mine' is a folder; write local-dir:models/mine"),
        (
            {"checkpoint": "models/mine.pt"},
            "'models/mine.pt' is a file, which also needs its `architecture`; write file:models/",
        ),
        ({"checkpoint": "models/other"}, "unknown checkpoint 'models/other'"),
        (
            {"checkpoint": "./models/other"},
            "'./models/other' is a path, and there is no such folder or file; correct it, and "
            "write local-dir:PATH",
        ),
        ({"checkpoint": "a/b/c"}, "'a/b/c' is a path, and there is no such folder or file"),
        (
            {"checkpoint": "file:models/mine.pt", "architecture": "/models/mine"},
            "'/models/mine' is a path; give the name of an architecture of OpenCLIP, as ViT-B-32, "
            "and the path as `checkpoint: file:PATH`",
        ),
        (
            {"checkpoint": "file:models/mine.pt", "architecture": "models/mine"},
            "'models/mine' is a path; give the name of an architecture",
        ),
        (
            {"checkpoint": "file:models/mine.pt", "architecture": "resnet"},
            "unknown architecture 'resnet'; ",
        ),
        (
            {"checkpoint": "file:models/mine.pt", "architecture": "resnet-causal-64-sofmax"},
            "unknown architecture 'resnet-causal-64-sofmax'; ",
        ),
        (
            {"checkpoint": "file:models/mine.pt", "architecture": "ViT-B-33/openai"},
            "unknown architecture 'ViT-B-33'; did you mean ViT-B-32",
        ),
    ],
)
def test_what_open_clip_does_not_have_is_named_with_the_way_out(
    tmp_path, monkeypatch, settings, message
):
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "models" / "mine.pt").touch()
    monkeypatch.chdir(tmp_path)
    key = "architecture" if "architecture" in settings else "checkpoint"
    with pytest.raises(StudyError) as caught:
        check_checkpoint("m", Checkpoint(**settings))
    assert str(caught.value).startswith(f"models.m.{key}: {message}")


@pytest.mark.parametrize(
    "architecture",
    ["ViT-B-32", "ViT-B-32/laion2b_s34b_b79k", "resnet-causal-64-softmax", "vit-causal-8-sigmoid"],
)
def test_architectures_of_open_clip_and_of_small_clips_are_taken(
    tmp_path, monkeypatch, architecture
):
    (tmp_path / architecture).mkdir(parents=True)  # a folder of that name is no reason to refuse it
    monkeypatch.chdir(tmp_path)
    check_checkpoint("m", Checkpoint(checkpoint="file:w.pt", architecture=architecture))


def test_a_name_of_home_becomes_a_whole_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()
    with pytest.raises(StudyError, match=f"write local-dir:{tmp_path}/mine$"):
        check_checkpoint("m", Checkpoint(checkpoint="~/mine"))


@pytest.mark.parametrize("image_tower", image_towers())
@pytest.mark.parametrize("text_tower", text_towers())
@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
def test_the_towers_of_a_small_clip_follow_from_its_name(image_tower, text_tower, loss):
    towers = Towers(image_tower=image_tower, text_tower=text_tower, embed_dim=48, loss=loss)
    assert towers_of(towers.architecture) == towers
    for wrong in (
        "",
        "-",
        "resnet-causal-64",
        f"{towers.architecture}-x",
        f"x-{towers.architecture}",
    ):
        assert towers_of(wrong) is None
    assert towers_of(f"{image_tower}-{text_tower}-1-{loss}") is None
