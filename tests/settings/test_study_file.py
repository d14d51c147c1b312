import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from cood.errors import CoodError, StudyError
from cood.paths import Paths, project_root
from cood.settings import Checkpoint, Towers, Training
from cood.settings.study_file import load_study

STUDIES = sorted((Path(__file__).parents[2] / "workflow" / "studies").glob("*.yaml"))
MODEL = {"image_tower": "resnet", "share": 0.7, "images": 64, "steps": 8, "batch": 8}


def test_reading_a_study_by_name(tiny, project):
    assert tiny.name == "tiny"
    assert tiny.words.size == 20
    assert tiny.file == project / "workflow" / "studies" / "tiny.yaml"
    assert tiny.paths == Paths(project, "tiny")
    assert list(tiny.trained) == ["few", "most"]


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_the_studies_of_the_project_are_sound(file):
    study = load_study(str(file))
    assert study.name == file.stem
    assert study.notebooks
    shares = [model.share for model in study.trained.values()]
    assert not shares or min(shares) < max(shares)
    seeds = [model.seed for model in study.trained.values()]
    assert len(seeds) == len(set(seeds)), "each model has a draw of its own"


def test_the_study_of_the_paper_has_all_words(tiny):
    study = load_study(str(next(file for file in STUDIES if file.stem == "paper")))
    assert len(study.vocabulary.attributes) == 130
    assert len(study.vocabulary.objects) == 998
    assert list(study.generated) == ["sdxl-turbo"]
    assert study.generated_set("sdxl-turbo").shards(study.words.size, 1128) == (65, 1)


def test_defaults_are_overridden_one_by_one(parse):
    study = parse(
        defaults={**MODEL, "batch": 4, "steps": 16},
        models={"a": None, "b": {"steps": 30}, "c": {"checkpoint": "ViT-B-32/laion2b_e16"}},
    )
    assert (study.models["a"].steps, study.models["a"].batch) == (16, 4)
    assert (study.models["b"].steps, study.models["b"].batch) == (30, 4)
    assert isinstance(study.models["b"], Training)
    assert study.models["c"] == Checkpoint(checkpoint="ViT-B-32/laion2b_e16")
    assert list(study.trained) == ["a", "b"]
    assert list(study.models) == ["a", "b", "c"]


def test_models_with_one_draw_of_compositions_are_one_family(parse):
    study = parse(models={"a": {"share": 0.7}, "b": {"share": 0.7, "seed": 3}, "c": {"share": 0.9}})
    assert [model.family for model in study.trained.values()] == ["draw 0", "draw 3", "draw 0"]


def test_towers_are_those_of_the_settings(parse):
    towers = {"image_tower": "vit", "text_tower": "bidirectional", "embed_dim": 32}
    study = parse(
        models={"m": {"share": 0.7, **towers, "loss": "sigmoid"}, "plain": {"share": 0.7}},
        null_models={"null": {**towers, "loss": "sigmoid"}, "large": {"architecture": "RN50"}},
    )
    expected = Towers(**towers, loss="sigmoid")
    assert study.trained["m"].towers == study.null_models["null"].towers == expected
    assert study.null_models["large"].towers is None
    plain = study.trained["plain"].towers.model_dump()
    assert plain == {
        "image_tower": "resnet",
        "text_tower": "causal",
        "embed_dim": 64,
        "loss": "softmax",
    }


def test_settings_cannot_be_changed(tiny):
    with pytest.raises(ValidationError, match="frozen"):
        tiny.seed = 3


def test_names_that_are_looked_up(tiny):
    assert tiny.model("few").share == 0.6
    assert tiny.set("ao").size == 32
    with pytest.raises(StudyError, match=r"unknown corpus 'few'; known: none"):
        tiny.corpus("few")
    with pytest.raises(StudyError, match=r"unknown model 'fwe'; did you mean few\?"):
        tiny.model("fwe")
    with pytest.raises(StudyError, match=r"unknown set 'oa'"):
        tiny.set("oa")


def test_any_words_where_nothing_is_drawn(parse):
    own = {
        "vocabulary": {
            "attributes": ["rotten", "half eaten"],
            "objects": ["apple", "Eiffel Tower"],
        },
        "sets": {"photos": {"source": "folder", "folder": "photos"}},
        "models": {"m": {"checkpoint": "ViT-B-32-quickgelu/openai"}},
    }
    assert parse(**own).words.compositions()[3] == "half eaten Eiffel Tower"
    drawn = {"source": "icons", "images_per_composition": 1}
    with pytest.raises(StudyError, match=r"unknown attribute 'rotten'.* \(the set 'ao' is drawn\)"):
        parse(**{**own, "sets": {**own["sets"], "ao": drawn}})


def test_words_by_the_name_of_their_list(parse):
    checkpoint = {"m": {"checkpoint": "ViT-B-32-quickgelu/openai"}}
    study = parse(vocabulary={"attributes": "vaw", "objects": "imagenet"}, models=checkpoint)
    assert study.words.size == 130 * 998
    assert study.vocabulary.attributes[:2] == ["cracked", "dilapidated"]
    assert study.vocabulary.objects[0] == "tench"


def test_a_study_may_have_sets_of_every_source(parse):
    icons = {"source": "icons", "images_per_composition": 1}
    study = parse(
        sets={
            "drawn": icons,
            "turbo": {"source": "diffusion", "guidance": 0},
            "mine": {"source": "folder", "folder": "x"},
            "public": {"source": "release", "file": "x.zip"},
        }
    )
    assert study.drawings() == study.drawings("drawn") == study.set("drawn")
    assert list(study.generated) == ["turbo"]
    with pytest.raises(StudyError, match="set 'mine' is not drawn: its source is 'folder'"):
        study.drawings("mine")
    with pytest.raises(StudyError, match="unknown generated set 'drawn'; known: turbo"):
        study.generated_set("drawn")


def test_an_unknown_study_names_those_that_exist(project):
    with pytest.raises(StudyError, match=r"unknown study 'tinny'; did you mean tiny\?"):
        load_study("tinny")
    with pytest.raises(StudyError, match=r"study file nowhere\.yaml does not exist"):
        load_study("nowhere.yaml")


def test_a_study_by_its_path_takes_its_name_from_the_file(project, settings, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(settings))
    assert load_study(str(file)).name == "mine"
    file.write_text(yaml.safe_dump({"name": "other", **settings}))
    assert load_study(str(file)).name == "other"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "is not valid YAML"),
        (b"\xff\xfe\xfa", "is not valid YAML"),
        (b"- 1\n- 2\n", "expected settings by name, got list"),
        (b"", "expected settings by name, got NoneType"),
        (b"a: !!python/object/apply:os.getcwd []", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_study_is_refused(project, content, message):
    file = project / "workflow" / "studies" / "bad.yaml"
    file.write_bytes(content)
    with pytest.raises(StudyError, match=message) as caught:
        load_study("bad")
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_project_is_found_from_below(project, monkeypatch):
    below = project / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert project_root() == project


def test_elsewhere_the_project_is_the_folder_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert project_root() == Path(__file__).parents[2]


def test_without_a_project_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cood.paths.__file__", str(tmp_path / "site-packages" / "cood" / "p.py"))
    with pytest.raises(CoodError, match="change into a clone of the project"):
        project_root()


def test_artefacts_of_a_study_are_in_one_folder(tmp_path):
    paths = Paths(tmp_path, "tiny")
    files = [
        paths.manifest("ao"),
        paths.isolated("ao"),
        paths.model("few"),
        paths.embeddings("few", "ao"),
        paths.model_accuracy("few"),
        paths.scores,
        paths.models,
        paths.notebook("dataset"),
        paths.benchmarks,
    ]
    assert all(file.is_relative_to(tmp_path / "results" / "tiny") for file in files)
    assert len(set(files)) == len(files)


def test_a_duplicate_key_is_refused(project):
    file = project / "workflow" / "studies" / "tiny.yaml"
    file.write_text(file.read_text() + "core: 0.3\n")
    with pytest.raises(
        StudyError,
        match=r"tiny\.yaml is not valid YAML: line \d+, column 1: duplicate key 'core'",
    ):
        load_study("tiny")


@pytest.mark.parametrize("value", ["3e-3", "3.0e-3", "0.003", "30E-4", ".3e-2"])
def test_a_number_may_have_an_exponent_without_a_dot(project, settings, value):
    file = project / "workflow" / "studies" / "tiny.yaml"
    defaults = yaml.safe_dump({"defaults": settings.pop("defaults")})
    file.write_text(f"{yaml.safe_dump(settings)}{defaults}  learning_rate: {value}\n")
    assert load_study("tiny").trained["few"].learning_rate == 0.003


def test_a_fault_of_yaml_names_the_file_and_the_line(project):
    file = project / "workflow" / "studies" / "bad.yaml"
    file.write_text("seed: 1\nsets: [1\nmodels: 3\n")
    with pytest.raises(StudyError) as caught:
        load_study("bad")
    assert str(caught.value).startswith(f"{file} is not valid YAML: line 3, column ")


def test_reading_a_study_imports_neither_torch_nor_metrics(project):
    code = (
        "import sys; from cood.settings.study_file import load_study; load_study('tiny');"
        "slow = {'torch', 'open_clip', 'papermill', 'diffusers', 'sklearn', 'scipy'};"
        "print(*slow & sys.modules.keys())"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == ""


def test_a_file_elsewhere_may_not_take_the_name_of_a_study_of_the_project(project, tmp_path):
    other = tmp_path / "elsewhere" / "tiny.yaml"
    other.parent.mkdir()
    shutil.copy(project / "workflow" / "studies" / "tiny.yaml", other)
    with pytest.raises(StudyError, match=r"has a study of that name.*another name"):
        load_study(str(other))
    renamed = other.rename(other.with_name("mine.yaml"))
    assert load_study(str(renamed)).name == "mine"


def test_ablations_are_lists_of_templates(parse):
    bare = {"bare": ["{}"]}
    plain = parse(evaluation={"templates": ["a {}", "the {}"], "ablations": bare})
    assert plain.ablations == bare
    named = parse(evaluation={"templates": ["a {}", "a red {}"], "ablations": bare})
    assert named.ablations == {**bare, "neutral": ["a {}"]}
    assert parse(evaluation={"templates": ["a red {}"]}).ablations == {}
    many = parse(evaluation={"ablations": {"openai": "imagenet"}})
    assert len(many.ablations["openai"]) == 80


def test_null_models_are_embedded_but_are_no_models(parse):
    study = parse(null_models={"null": {"image_tower": "vit"}})
    assert list(study.embedded) == ["few", "most", "null"]
    assert list(study.models) == ["few", "most"]
    assert study.embedded_model("null").seed == 0
    with pytest.raises(StudyError, match="unknown model 'nul'; did you mean null"):
        study.embedded_model("nul")


def test_the_sets_that_each_kind_of_model_is_embedded_on(parse):
    factor_sets = {
        "shapes": {"source": "shapes3d", "images": 60, "size": 32},
        "sprites": {"source": "dsprites", "images": 50, "size": 32},
    }
    training = {**MODEL, "share": 0.5}
    study = parse(
        models={"few": {**MODEL, "share": 0.75}, "published": {"checkpoint": "local-dir:mine"}},
        factor_sets=factor_sets,
        factor_models={"on-shapes": {"set": "shapes", **training}},
        null_models={"null": {"image_tower": "resnet"}},
        image_encoders={"images-only": {"untrained": "resnet"}},
    )
    assert study.sets_of("few") == ["ao"]
    assert study.sets_of("published") == ["ao", "shapes", "sprites"]
    assert study.sets_of("on-shapes") == ["shapes"]
    assert study.sets_of("null") == study.sets_of("images-only") == ["ao"]
    assert study.on_factor_sets == ["published", "on-shapes"]
    with pytest.raises(StudyError, match="unknown model 'fwe'; did you mean few"):
        study.sets_of("fwe")
