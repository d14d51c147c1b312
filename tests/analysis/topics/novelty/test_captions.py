import numpy as np
import pandas as pd
import polars as pl
import pytest
import yaml

from cood.analysis.topics.diversity import caption_table
from cood.analysis.topics.novelty import captions
from cood.curation.caption_search.search import search_captions
from cood.errors import StudyError
from cood.files import write_table
from cood.report.topics.novelty import describe_held_out_check, describe_unread
from cood.settings.study_file import load_study
from cood.splits import seen
from cood.training_set import training_captions


@pytest.fixture
def scanned(project, settings):
    """The tiny study with a corpus of each model and one of files, searched."""
    corpora = {"few": {"model": "few"}, "most": {"model": "most"}, "web": {"files": ["web.*"]}}
    file = project / "workflow" / "studies" / "tiny.yaml"
    file.write_text(yaml.safe_dump({**settings, "corpora": corpora}))
    study = load_study("tiny")
    web = ["a hundred red hats"] * 12 + ["apples are red", "brick bus", None]
    pl.DataFrame({"text": web}).write_parquet(project / "web.parquet")
    (project / "web.csv").write_text("")
    for name, training in study.trained.items():
        write_table(
            training_captions(study, training), study.paths.model(name) / "captions.parquet"
        )
    for name in corpora:
        search_captions(study, name, lambda text: None, code="1")
    return study


def test_shares_that_are_new(scanned):
    hits = captions.load_hits(scanned)
    assert len(hits) == 3 * 3 * 20
    shares = captions.novel_shares(hits)
    assert list(shares.columns) == ["faithful", "strict", "adjacent"]
    assert list(shares.index) == ["few", "most", "web", "all corpora"]
    assert shares.loc["web", ["strict", "adjacent"]].tolist() == [17 / 20, 18 / 20]
    assert (shares["faithful"] <= shares["strict"]).all()
    assert (shares["strict"] <= shares["adjacent"]).all()
    assert (shares.loc["all corpora"] <= shares.drop("all corpora").min()).all()


def test_classes_of_counts(scanned):
    table = captions.count_classes(captions.load_hits(scanned))
    assert table.sum(axis=1).to_numpy() == pytest.approx(1)
    assert table.loc["web, adjacent", ["0", "1 to 9", "10 to 99"]].tolist() == [0.9, 0.05, 0.05]


def test_no_composition_that_a_model_was_not_trained_on_has_captions(scanned):
    check = captions.held_out_check(scanned, captions.load_hits(scanned))
    assert set(check["corpus"]) == {"few", "most"}
    own = check[check["rule"] != "faithful"]
    assert (own["with captions"] == 0).all()
    unseen = 20 - len(seen(scanned, scanned.trained["few"]))
    assert set(check.loc[check["corpus"] == "few", "not trained on"]) == {unseen}
    said = describe_held_out_check(check)
    assert said.startswith(f"of the {unseen} of few, ")
    assert "0 by the strict rule, 0 by the adjacent rule; of the" in said
    assert "No corpus" in describe_held_out_check(check.head(0))


def test_dependence_is_that_of_the_training_captions(scanned):
    table = captions.caption_dependence(captions.load_hits(scanned), seed=0)
    known = caption_table(scanned).set_index("model")
    for rule in ("strict", "adjacent"):
        own = table[table["rule"] == rule].set_index("corpus")
        for model in ("few", "most"):
            assert own.loc[model, "pairs"] == known.loc[model, "captions"]
            for form in ("information", "geometric", "arithmetic", "corrected"):
                assert own.loc[model, form] == pytest.approx(known.loc[model, form])
        smallest = own["pairs"].idxmin()
        assert own.loc[smallest, "equal_size"] == pytest.approx(own.loc[smallest, "geometric"])


def test_a_subsample_is_drawn_without_replacement():
    counts = np.array([[5, 0, 3], [1, 9, 0]])
    assert (captions.subsample(counts, 18, 0) == counts).all()
    drawn = [captions.subsample(counts, 9, seed) for seed in range(200)]
    assert all(d.sum() == 9 and (d <= counts).all() for d in drawn)
    assert np.mean(drawn, axis=0) == pytest.approx(counts / 2, abs=0.25)


def test_a_subsample_of_billions():
    counts = np.array([[3 * 10**9, 10**9]])
    drawn = captions.subsample(counts, 10_000, 0)
    assert drawn.sum() == 10_000
    assert drawn[0, 0] == pytest.approx(7500, abs=200)


def test_where_two_rules_part(scanned):
    hits = captions.load_hits(scanned)
    table = captions.disagreements(hits, ("strict", "adjacent"), 5)
    first = table[table["corpus"] == "web"].iloc[0]
    assert first[["composition", "strict", "adjacent"]].tolist() == ["red apple", 1, 0]
    assert first["caption"] == "apples are red"
    assert not table["composition"].str.split().str[0].duplicated().any()
    assert captions.disagreements(hits, ("adjacent", "strict"), 5).empty


def test_files_and_corpora(scanned):
    files = captions.load_files(scanned)
    table = captions.corpora(files).set_index("corpus")
    assert table.loc["web"].tolist() == [1, 1, 14, 1, 0]
    said = describe_unread(files)
    assert said.startswith("Skipped and not counted: web: ")
    assert said.endswith("web.csv: is empty, or its first line is, which should name the columns.")
    assert describe_unread(files[files["problem"] == ""]) == "Every file was read to its end."


def test_rows_and_columns_that_were_not_read_are_named(scanned):
    lines = "caption,alt\na red hat,a hat that is red\na hat, red,x\n,\n"
    (scanned.paths.root / "web.csv").write_text(lines)
    search_captions(scanned, "web", lambda text: None, code="1")
    files = captions.load_files(scanned)
    table = captions.corpora(files).set_index("corpus")
    assert table.loc["web"].tolist() == [2, 0, 15, 2, 1]
    said = describe_unread(files)
    assert said.startswith("Every file was read to its end. Not all rows were read of web: ")
    assert "web.csv: 1 row did not parse: 1 without the 2 fields of the first" in said
    assert "web.csv: caption was read, not alt. A corpus names" in said


def test_a_corpus_without_captions_does_not_make_everything_new(scanned):
    empty = pd.read_parquet(scanned.paths.caption_files("web")).assign(captions=0)
    write_table(empty, scanned.paths.caption_files("web"))
    assert set(captions.load_hits(scanned)["corpus"]) == {"few", "most"}
    for name in scanned.corpora:
        write_table(empty.assign(problem="does not exist"), scanned.paths.caption_files(name))
    with pytest.raises(StudyError, match="no caption of few, most, web could be read; the first"):
        captions.load_hits(scanned)
