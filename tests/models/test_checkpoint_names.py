import pytest

from cood.errors import StudyError
from cood.models.checkpoint_names import check_checkpoint
from cood.settings import Checkpoint


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
            {"checkpoint": "file:models/mine.pt", "architecture": "/models/mine"},
            "unknown architecture '/models/mine'",
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
