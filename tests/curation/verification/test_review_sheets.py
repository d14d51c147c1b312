import json
import re
from html.parser import HTMLParser

import pytest
import yaml

from cood.cli import main
from cood.curation.verification.review_sheets import plan, write_sheet
from cood.errors import CoodError
from cood.settings import WordList
from cood.settings.study_file import load_study
from cood.synthesis.manifests import read_manifest
from cood.vocabulary import CATEGORY


class Scripts(HTMLParser):
    """The script elements of a page, as a browser would find them."""

    def __init__(self, page):
        super().__init__()
        self.found, self.inside, self.addresses = [], False, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.inside = tag == "script"
        if self.inside:
            self.found.append("")
        self.addresses += [value for key, value in attributes if key in ("src", "href")]

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.found[-1] += data


def data_of(path):
    return json.loads(Scripts(path.read_text()).found[0])


@pytest.fixture
def odd(copied):
    """The tiny study with a set whose labels are as bad as labels can be."""
    names = ["<script>alert(1)</script>", 'dog\'s "ear" & $title', "</script><b>bus", "hat"]
    file = copied.paths.studies / "tiny.yaml"
    raw = yaml.safe_load(file.read_text())
    raw["vocabulary"]["objects"] = [*names, "umbrella"]
    file.write_text(yaml.safe_dump(raw))
    manifest = read_manifest(copied, "ao")
    renamed = dict(zip(copied.vocabulary.objects, raw["vocabulary"]["objects"], strict=True))
    manifest.assign(object=manifest["object"].map(renamed)).to_parquet(copied.paths.manifest("ao"))
    return load_study("tiny")


def test_decoys_are_wrong_for_certain(done):
    rows = plan(done, "ao", 40)
    manifest = read_manifest(done, "ao").set_index("image")
    assert sorted(rows["image"]) == sorted(manifest.index)
    assert rows["decoy"].value_counts().to_dict() == {"": 32, "object": 4, "attribute": 4}
    for row in rows.itertuples():
        truth = manifest.loc[row.image]
        assert (row.object == truth["object"]) == (row.decoy != "object")
        assert (row.attribute == truth["attribute"]) == (row.decoy != "attribute")
        if row.decoy == "attribute":
            assert CATEGORY[row.attribute] != CATEGORY[truth["attribute"]]
    assert plan(done, "ao", 40).equals(rows)
    assert plan(done, "ao", 7)["image"].tolist() == rows["image"].tolist()[:7]


def test_a_sheet_is_one_file_that_gives_nothing_away(copied):
    path = write_sheet(copied, "ao", 20, "ann")
    page, data = path.read_text(), data_of(path)
    assert Scripts(page).addresses == []
    assert "://" not in page
    assert "decoy" not in json.dumps(data)
    assert not re.search(r"\d\.png", page)
    assert sorted(item["item"] for item in data["items"]) == list(range(20))
    assert {len(item["questions"]) for item in data["items"]} == {2}
    firsts = {item["questions"][0][0] for item in data["items"]}
    assert firsts == {"object", "attribute"}  # in random order
    other = data_of(write_sheet(copied, "ao", 20, "bob"))
    assert other["plan"] == data["plan"]
    assert [i["item"] for i in other["items"]] != [i["item"] for i in data["items"]]
    rows = plan(copied, "ao", 20)
    for item in data["items"]:
        asked, row = dict(item["questions"]), rows.loc[item["item"]]
        article = "an" if row["object"] in ("apple", "umbrella") else "a"
        assert asked["object"] == f"Does this image show {article} {row['object']}?"
        assert asked["attribute"] == f"Is the {row['object']} in this image {row['attribute']}?"
        assert item["picture"].startswith("data:image/jpeg;base64,")


def test_labels_cannot_leave_their_place(odd):
    assert isinstance(odd.vocabulary, WordList)
    path = write_sheet(odd, "ao", 40, "ann")
    found = Scripts(path.read_text()).found
    assert len(found) == 2  # the data and the program, and no third
    asked = " ".join(
        text for item in json.loads(found[0])["items"] for _, text in item["questions"]
    )
    for name in odd.vocabulary.objects:
        assert name in asked
    assert "<b>" not in path.read_text()


def test_what_no_sheet_can_be_written_of(done, copied):
    with pytest.raises(CoodError, match=r"rater '\.\./x': a name may hold"):
        write_sheet(copied, "ao", 5, "../x")
    with pytest.raises(CoodError, match="at least one image is needed, got 0"):
        plan(done, "ao", 0)
    manifest = read_manifest(copied, "ao")
    manifest.assign(status="duplicate").to_parquet(copied.paths.manifest("ao"))
    with pytest.raises(CoodError, match="'ao' has no image that can be reviewed"):
        plan(copied, "ao", 5)


def test_the_command_line(copied, capsys):
    run = ["review", "--study", "tiny", "--set", "ao"]
    assert main([*run, "--sample", "6", "--rater", "ann"]) == 0
    path = capsys.readouterr().out.strip()
    assert path == str(copied.paths.sheet("ao", "ann"))
    assert main(run) == 2
    assert "give either --rater NAME or --collect" in " ".join(capsys.readouterr().err.split())
