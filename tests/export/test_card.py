import pandas as pd
import pytest
import yaml

from cood.export.card import card
from cood.settings import FolderSet
from cood.synthesis.decoding import LARGEST, THINNEST
from cood.synthesis.generation.shards import planned

HOSTILE = "me: | <script>alert(1)</script>\n---\n[x](http://y) `z`"


def head_and_text(shown):
    empty, head, text = shown.split("---\n", 2)
    assert empty == ""
    return yaml.safe_load(head), text


def manifest(study, name, generator, statuses=("kept",) * 3):
    rows = [
        {"attribute": "red", "object": "apple", "composition": 0},
        {"attribute": "red", "object": "hat", "composition": 1},
        {"attribute": "brick", "object": "hat", "composition": 16},
    ]
    table = pd.DataFrame(rows).assign(prompt="p", seed=0, generator=generator)
    return table.assign(status=statuses)


def test_of_drawings(parse):
    study = parse()
    head, text = head_and_text(card(study, "ao", manifest(study, "ao", "icons"), "parquet"))
    assert head["license"] == "other"
    assert head["size_categories"] == ["n<1K"]
    assert head["configs"][0]["data_files"] == [{"split": "test", "path": ["data/test-*.parquet"]}]
    assert "| 3 | 3 | 20 | 2 | 2 |" in text
    assert "| red | 2 |\n| brick | 1 |" in text
    assert "| hat | 2 |\n| apple | 1 |" in text
    assert "| color | 2 |\n| material | 1 |" in text
    assert "Font Awesome Free 6 | Fonticons" in text
    assert "17 of 20 possible pairs have no image." in text
    assert "arXiv" not in head
    assert "2407.05897" in text


def test_of_generated_images(parse, settings):
    settings["sets"]["own"] = {
        "source": "diffusion",
        "prompts": ["a photo of a {}"],
        "no_safety_checker": "it takes every apple for a person",
    }
    study = parse(**settings)
    table = planned(study, "own", "0").assign(status="kept")
    table.loc[:9, "status"] = "unsafe: by the safety checker of the pipeline"
    head, text = head_and_text(card(study, "own", table, "webdataset"))
    assert head["license_name"] == "sai-nc-community"
    assert "- Generator: stabilityai/sdxl-turbo.\n" in text
    assert "- Steps: 1; guidance: 0; spacing of timesteps: trailing; precision: float16" in text
    assert "- Prompts, where {} is the pair: a photo of a {}.\n" in text
    assert "- Safety checker: off: it takes every apple for a person.\n" in text
    assert "- Size: 512 x 512 pixels.\n" in text
    assert "| unsafe | 10 |" in text
    assert "Licence of the generator: sai-nc-community." in text


@pytest.mark.parametrize("licence", [None, HOSTILE])
def test_of_a_folder_whose_settings_hold_markup(parse, settings, licence):
    own = FolderSet(source="folder", folder="mine", generator=HOSTILE, licence=licence)
    settings["sets"]["own"] = own.model_dump()
    study = parse(**settings)
    statuses = ["kept", "kept", "<i>bad</i> | label\n: x"]
    shown = card(study, "own", manifest(study, "own", HOSTILE, statuses), "release")
    head, text = head_and_text(shown)
    assert head.get("license_name") == (licence and " ".join(licence.split()))
    assert head["license"] == ("unknown" if licence is None else "other")
    for part in ("<script>", "<i>", "[x](", "`z`"):
        assert part not in text
    assert "---\n" not in text.replace("| --- |", "").replace("| --- ", "")
    assert r"\[x\]\(http://y\) \`z\`" in text
    assert r"| &lt;i&gt;bad&lt;/i&gt; \| label | 1 |" in text
    assert ("not stated" in text) == (licence is None)


def test_of_images_that_were_not_plain(parse):
    study = parse(
        sets={"own": FolderSet(source="folder", folder="x").model_dump()},
        models={"p": {"checkpoint": "ViT-B-32-quickgelu/openai"}},
    )
    table = manifest(study, "own", "a camera").assign(note=["turned", "turned; a: b", ""])
    text = card(study, "own", table, "release")
    assert f"more than {LARGEST:,} pixels, images more than {THINNEST} times as long" in text
    assert "## Notes" in text
    assert "| turned | 2 |" in text
    assert "| a | 1 |" in text
    assert "## Notes" not in card(study, "own", table.assign(note=""), "release")
