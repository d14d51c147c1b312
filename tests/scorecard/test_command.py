import json
import shutil

import pytest

from cood.cli import main
from cood.models.small_clip import save_clip, untrained_clip
from cood.settings import Towers


@pytest.fixture
def run(tmp_path, photos, capsys):
    """Run `cood evaluate` on the photos with a cache of its own; status, stdout and stderr."""

    def make(*arguments):
        usual = ["--images", photos, "--cache", tmp_path / "cache", "--cores", 1]
        status = main(["evaluate", *map(str, [*arguments, *usual])])
        said = capsys.readouterr()
        return status, said.out, said.err

    return make


def test_one_checkpoint_then_again_without_loading_it(
    quick, run, checkpoint, tmp_path, monkeypatch
):
    files = [tmp_path / name for name in ("a.json", "a.csv", "a.html")]
    given = [word for file in files for word in (f"--{file.suffix[1:]}", file)]
    status, first, progress = run(checkpoint, *given)
    assert status == 0
    assert "Accuracy, with 95 % interval" in first
    assert "images to embed: 20 of 20" in progress
    assert all(file.stat().st_size for file in files)
    monkeypatch.setattr("cood.models.loading.load", lambda *_, **__: pytest.fail("loaded"))
    status, again, progress = run(f"local-dir:{checkpoint}")
    assert status == 0
    assert "images to embed: 0 of 20" in progress
    assert again.split("\n", 1)[1] == first.split("\n", 1)[1]  # all but the name


def test_several_checkpoints_one_of_which_is_damaged(quick, run, checkpoint, tmp_path):
    other, damaged = tmp_path / "other", tmp_path / "damaged"
    save_clip(untrained_clip(Towers(image_tower="resnet"), seed=1), other)
    shutil.copytree(checkpoint, damaged)
    (damaged / "open_clip_model.safetensors").write_bytes(b"no weights")
    status, text, _ = run(checkpoint, other, damaged, "--json", tmp_path / "b.json")
    assert status == 0
    assert f"left out: {damaged}: model" in " ".join(text.split())
    board = json.loads((tmp_path / "b.json").read_text())
    assert {model["model"] for model in board["models"]} == {str(checkpoint), str(other)}
    assert len(board["differences"]) == 3
    values = [model["accuracy"][0]["value"] for model in board["models"]]
    assert values == sorted(values, reverse=True)
    assert board["differences"][0]["value"] == pytest.approx(values[0] - values[1])


def test_mistakes_are_one_sentence(run, checkpoint, tmp_path):
    for arguments, message in (
        (["nowhere/at/all"], "checkpoint nowhere/at/all: there is no such folder or file"),
        ([checkpoint, checkpoint], "checkpoints: name each once"),
        ([checkpoint / "open_clip_model.safetensors"], "name the architecture with --architecture"),
    ):
        status, out, err = run(*arguments)
        assert (status, out) == (1, "")
        assert message in err
        assert err.count("\n") == 1


def test_weights_of_another_name_are_found_out(run, checkpoint, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    (copy / "open_clip_model.safetensors").rename(copy / "epoch_3.pt")
    status, _, err = run(copy)
    assert status == 1
    assert "their name must end in .safetensors, .bin, .pth, as open_clip_pytorch_model.bin" in err
    assert "it has epoch_3.pt; rename the weights" in err


def test_notes_are_shown_again_when_nothing_is_embedded(quick, run, checkpoint, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    file = copy / "open_clip_config.json"
    file.write_text(json.dumps({"model_cfg": json.loads(file.read_text())["model_cfg"]}))
    for _ in range(2):
        status, text, _ = run(copy, "--json", tmp_path / "a.json", "--html", tmp_path / "a.html")
        assert status == 0
        assert "note: open_clip_config.json gives no mean and std" in " ".join(text.split())
        (model,) = json.loads((tmp_path / "a.json").read_text())["models"]
        assert "gives no mean and std" in model["notes"][0]
        assert "gives no mean and std" in (tmp_path / "a.html").read_text()
    text = run(copy, checkpoint)[1]
    assert f"note on {copy}: open_clip_config.json gives no mean" in " ".join(text.split())
