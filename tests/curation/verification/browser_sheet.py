"""A scripted rater at a review sheet, in Chromium: `nox -s browser`, apart from the suite."""

import json
import os
import shutil

import pytest
import yaml
from playwright.sync_api import expect, sync_playwright

from cood.cli import main
from cood.curation.verification.review_sheets import plan, write_sheet
from cood.files import read_table
from cood.settings.study_file import load_study
from cood.synthesis.manifests import read_manifest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ODD = '</script><img src=x onerror=alert(1)> "ear\'s"'


@pytest.fixture(scope="module")
def playwright():
    with sync_playwright() as driver:
        yield driver


@pytest.fixture
def context(playwright, tmp_path):
    """A browser without a network, whose storage outlives a page."""
    assert CHROMIUM, "no Chromium here: install one, or name it in CHROMIUM"
    with playwright.chromium.launch_persistent_context(
        tmp_path / "profile", executable_path=CHROMIUM, offline=True, accept_downloads=True
    ) as opened:
        yield opened


@pytest.fixture
def study(copied):
    """The tiny study with an object whose name is no friend of HTML."""
    file = copied.paths.studies / "tiny.yaml"
    raw = yaml.safe_load(file.read_text())
    raw["vocabulary"]["objects"][0] = ODD
    file.write_text(yaml.safe_dump(raw))
    manifest = read_manifest(copied, "ao")
    manifest.replace({"object": {"apple": ODD}}).to_parquet(copied.paths.manifest("ao"))
    return load_study("tiny")


def open_sheet(context, path):
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda line: page.problems.append(line.text))
    page.on("dialog", lambda dialog: page.problems.append(dialog.message))
    page.on(
        "request",
        lambda request: (
            page.problems.append(request.url)
            if not request.url.startswith(("file:", "data:", "blob:"))
            else None
        ),
    )
    page.goto(path.as_uri())
    return page


def rate(page, rows, sheet, until):
    """Answer by the truth, by keys, until so many images are answered."""
    while int(page.inner_text("#place").split()[-2]) < until:
        k = sheet["items"][int(page.inner_text("#place").split()[1]) - 1]["item"]
        about = page.locator("fieldset[data-next]").get_attribute("data-about")
        page.keyboard.press("n" if rows.loc[k, "decoy"] == about else "y")


def test_a_rater_stops_goes_on_and_hands_in(study, context, tmp_path):
    rows = plan(study, "ao", 20)
    sheets = {rater: write_sheet(study, "ao", 20, rater) for rater in ("ann", "bob")}
    files = []
    for rater, path in sheets.items():
        page = open_sheet(context, path)
        sheet = json.loads(page.text_content("#data"))
        assert page.evaluate("document.getElementById('picture').naturalWidth") == 32
        expect(page.locator("#place")).to_have_text("Image 1 of 20; 0 answered")
        rate(page, rows, sheet, until=8)
        page.screenshot(path=tmp_path / f"{rater}.png", full_page=True)
        assert page.problems == []
        page.close()  # goes on where it was
        page = open_sheet(context, path)
        expect(page.locator("#place")).to_have_text("Image 9 of 20; 8 answered")
        page.click("#back")
        assert page.locator("input:checked").count() == 2
        page.click("#on")
        page.locator("fieldset").first.locator("input[value=unsure]").click()  # by mouse
        page.locator("fieldset").last.locator("input[value=no]").click()
        expect(page.locator("#place")).to_have_text("Image 10 of 20; 9 answered")
        rate(page, rows, sheet, until=20)
        expect(page.locator("#place")).to_have_text("Image 20 of 20; 20 answered")
        assert page.locator("img").count() == 1  # the odd name made no other
        with page.expect_download() as download:
            page.click("#save")
        assert download.value.suggested_filename == f"review-tiny-ao-{rater}.json"
        download.value.save_as(tmp_path / f"{rater}.json")
        files.append(str(tmp_path / f"{rater}.json"))
        assert page.problems == []
        page.close()
    assert main(["review", "--study", "tiny", "--set", "ao", "--collect", *files]) == 0
    said = read_table(study.paths.review("ao"))
    assert len(said) == 40
    assert (said["object_said"] != "").all()
    assert (said["object_said"] == "unsure").sum() + (said["attribute_said"] == "unsure").sum() == 2
    table = read_table(study.paths.agreement("ao"))
    decoys = table[table["metric"] == "decoys refused"]
    assert (decoys["value"] >= 0.5).all()
    assert set(decoys["who"]) == {"ann", "bob"}
