"""A stage runs again when code that it reaches changes, however indirectly, and only then."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cood.pipeline import fingerprints
from cood.pipeline.fingerprints import Contents, code_of, modules_named, reached
from cood.stages import STAGES

ROOT = Path(__file__).parents[2]
FINGERPRINTS = (
    "import json; from cood.pipeline.fingerprints import code_of; from cood.stages import STAGES;"
    "print(json.dumps({name: code_of(name) for name in STAGES}))"
)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package, whose modules may be changed."""
    root = tmp_path_factory.mktemp("package")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "cood", root / "cood", ignore=ignored)
    shutil.copytree(ROOT / "workflow", root / "workflow", ignore=ignored)
    return root


@pytest.fixture(scope="module")
def before(package):
    return codes(package)


def codes(package):
    """Fingerprints of all stages, by a process that imports the copy."""
    environment = {**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", FINGERPRINTS],
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def changed_by(package, before, file):
    """Stages whose fingerprint changes when a line is added to a file of the package."""
    path = package / "cood" / file
    content = path.read_bytes()
    path.write_bytes(content + b"\n# changed\n")
    try:
        after = codes(package)
    finally:
        path.write_bytes(content)
    assert codes(package) == before
    return {name for name in before if before[name] != after[name]}


def stages_that_reach(module):
    return {name for name, stage in STAGES.items() if module in reached([stage.module])}


def test_a_module_that_is_reached_only_indirectly_counts(package, before):
    module = "cood.metrics.discriminant"
    entry = (ROOT / "cood/evaluation/linear_probe/linear_probe.py").read_text()
    assert "metrics.discriminant" not in entry
    changed = changed_by(package, before, "metrics/discriminant.py")
    assert changed == stages_that_reach(module)
    assert "linear_probe" in changed
    assert not changed & {"train", "embed", "accuracy", "draw", "collect", "dimension_swap"}


def test_what_two_modules_share_counts_for_the_stages_of_both(package, before):
    changed = changed_by(package, before, "metrics/class_moments.py")
    assert changed == stages_that_reach("cood.metrics.class_moments")
    assert {"dimension_swap", "linear_probe", "representation_metrics"} <= changed
    assert not changed & {"train", "embed", "accuracy", "draw", "collect"}


def test_a_module_that_no_stage_reaches_counts_for_none(package, before):
    assert changed_by(package, before, "cli/make.py") == set()
    assert changed_by(package, before, "pipeline/plan.py") == set()


def test_data_files_count_for_the_stages_of_their_package(package, before):
    changed = changed_by(package, before, "synthesis/drawing/icons.yaml")
    assert {"draw", "train", "train_image_encoder"} <= changed
    assert not changed & {"embed", "accuracy", "caption_search"}


def test_settings_count_by_their_values(package, before):
    assert changed_by(package, before, "settings/base.py") == set()
    for name, stage in STAGES.items():
        assert not [m for m in reached([stage.module]) if m.startswith("cood.settings")], name


@pytest.mark.parametrize(
    ("stage", "foreign"),
    [
        ("draw", ["cood.models", "cood.metrics", "cood.evaluation", "cood.synthesis.external"]),
        ("import_images", ["cood.synthesis.drawing", "cood.synthesis.scenes", "cood.models"]),
        ("train", ["cood.models.hub", "cood.catalogue", "cood.metrics", "cood.evaluation"]),
        ("train_factor_model", ["cood.models.hub", "cood.catalogue", "cood.synthesis.drawing"]),
        ("caption_search", ["cood.models", "cood.synthesis.drawing", "cood.evaluation.embed"]),
        ("embed", ["cood.synthesis.drawing", "cood.metrics", "cood.models.training"]),
        ("accuracy", ["cood.models", "cood.synthesis.drawing", "cood.metrics"]),
        ("dimension_swap", ["cood.models", "cood.synthesis.drawing", "cood.evaluation.accuracy"]),
        ("representation_metrics", ["cood.models", "cood.synthesis.drawing"]),
        ("factor_scores", ["cood.models", "cood.synthesis.drawing"]),
        ("collect", ["cood.models", "cood.synthesis.drawing", "cood.metrics"]),
    ],
)
def test_a_stage_reaches_little_that_it_does_not_use(stage, foreign):
    modules = reached([STAGES[stage].module])
    strange = [m for m in modules for name in foreign if m == name or m.startswith(f"{name}.")]
    assert strange == [], f"{stage} reaches code that it does not use"


def test_modules_that_a_notebook_or_a_page_names():
    notebook = '"from cood.analysis.results import load_results, pick\\n"'
    assert modules_named(notebook) == ["cood.analysis.results"]
    assert modules_named("`cood.metrics.dci.dci` and `cood.splits`") == [
        "cood.metrics.dci",
        "cood.splits",
    ]
    assert "cood.report.tables" in modules_named("from cood.report import tables")
    assert modules_named("cood makes a report") == []


def test_an_entry_that_does_not_exist_is_an_error():
    with pytest.raises(Exception, match=r"no\.such"):
        reached(["cood.no.such"])


@pytest.fixture
def weights(project):
    folder = project / "data" / "mine"
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"one")
    (folder / "config.json").write_text("{}")
    return folder


@pytest.mark.parametrize("named", ["local-dir:data/mine", "file:data/mine/weights.safetensors"])
def test_files_that_are_named_count_by_their_content(tiny, weights, named):
    before = Contents(tiny).of(named)
    file = weights / "weights.safetensors"
    file.write_bytes(b"two")
    os.utime(file, (1, 1))
    assert Contents(tiny).of(named) != before
    file.write_bytes(b"one")
    assert Contents(tiny).of(named) == before


def test_a_name_on_the_hub_has_no_content_here(tiny):
    contents = Contents(tiny)
    assert [contents.of(name) for name in (None, "hf-hub:a/b", "ViT-B-32/openai")] == ["", "", ""]
    assert contents.of("local-dir:nowhere") == Contents(tiny).of("local-dir:nowhere")


def test_a_file_is_read_again_only_if_its_size_or_time_changes(tiny, weights, monkeypatch):
    tiny.paths.results.mkdir(parents=True)
    contents = Contents(tiny)
    before = contents.of("local-dir:data/mine")
    contents.keep()
    opened = []
    plain = Path.open

    def counted(path, *arguments, **options):
        opened.append(path.name)
        return plain(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", counted)
    again = Contents(tiny)
    opened.clear()
    assert again.of("local-dir:data/mine") == before
    assert "weights.safetensors" not in opened
    os.utime(weights / "weights.safetensors", (1, 1))
    assert Contents(tiny).of("local-dir:data/mine") == before
    assert "weights.safetensors" in opened


def test_a_file_with_size_and_time_of_another_is_read_again(tiny, weights):
    tiny.paths.results.mkdir(parents=True)
    file = weights / "weights.safetensors"
    contents = Contents(tiny)
    before = contents.of("local-dir:data/mine")
    contents.keep()
    about = file.stat()
    other = weights.with_name("other")
    other.write_bytes(b"two")
    other.replace(file)
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert Contents(tiny).of("local-dir:data/mine") != before


def test_weights_behind_links_count(tiny, weights):
    others = weights.with_name("others")
    shutil.copytree(weights, others)
    (weights / "linked").symlink_to(others)
    before = Contents(tiny).of("local-dir:data/mine")
    (others / "config.json").write_text("{1: 2}")
    assert Contents(tiny).of("local-dir:data/mine") != before


@pytest.mark.parametrize("place", ["captions", "captions/*.csv", "linked"])
def test_a_listing_changes_with_its_files(tiny, place):
    root = tiny.paths.root
    (root / "captions").mkdir()
    (root / "captions" / "a.csv").write_text("caption\n")
    (root / "linked").mkdir()
    (root / "linked" / "here").symlink_to(root / "captions")
    listing = Contents(tiny).listing
    before = listing([place])
    (root / "captions" / "b.csv").write_text("caption\n")
    added = listing([place])
    assert len({before, added, listing([place, "s3://a/b.csv"]), listing([])}) == 4
    (root / "captions" / "b.csv").write_text("caption\nx\n")
    assert listing([place]) not in (before, added)
    (root / "captions" / "b.csv").unlink()
    (root / "captions" / ".hidden").write_text("")
    assert listing([place]) == before


def test_stages_count_the_files_that_they_read(parse, settings):
    photos = {"source": "folder", "folder": "photos"}
    release = {"source": "release", "file": "own.zip"}
    study = parse(
        sets={
            **settings["sets"],
            "photos": photos,
            "release": release,
            # Else a download would make the set twice.
            "there": {**release, "url": "http://localhost/own.zip"},
        },
        id_sets={"in": {"folder": "val"}},
        corpora={"web": {"files": ["captions", "more/*.csv"]}, "own": {"model": "few"}},
        near_duplicates={"model": "few", "references": ["embeddings"], "pairs": "pairs.csv"},
    )
    sources = {
        (name, *keys): stage.sources(study, *keys)
        for name, stage in STAGES.items()
        if stage.sources
        for keys in stage.jobs(study)
    }
    assert sources == {
        ("import_images", "photos"): ["photos"],
        ("import_images", "release"): ["own.zip"],
        ("import_images", "there"): [],
        ("import_images", "in"): ["val"],
        ("caption_search", "web"): ["captions", "more/*.csv"],
        ("caption_search", "own"): [],
        ("near_duplicates",): ["embeddings", "pairs.csv"],
    }


def test_nothing_is_kept_before_there_are_results(tiny, weights):
    contents = Contents(tiny)
    contents.of("local-dir:data/mine")
    contents.keep()
    assert not tiny.paths.results.exists()


def test_the_code_of_a_stage_is_that_of_its_entry():
    assert code_of("draw") == fingerprints.fingerprint(reached([STAGES["draw"].module]))
    assert len({code_of(name) for name in STAGES}) > 15
