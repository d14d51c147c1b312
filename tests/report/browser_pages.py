"""The report that was made last, in Chromium without a network: `nox -s browser`."""

import os
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from cood.paths import project_root

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
HTML = project_root() / "_build" / "html"
PAGES = [p for p in sorted(HTML.rglob("*.html")) if "_static" not in p.parts]
WAYS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 780}},
}


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "no Chromium here: install one, or name it in CHROMIUM"
    with sync_playwright() as driver:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser):
    contexts = []

    def make(path, way="light", **more):
        context = browser.new_context(offline=True, **WAYS[way], **more)
        contexts.append(context)
        page = context.new_page()
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith("file:") else noted(page, r.url))
        file, _, part = path.partition("#")
        page.goto((HTML / file).as_uri() + (f"#{part}" if part else ""))
        return page

    yield make
    for context in contexts:
        context.close()


def noted(page, url):
    if not url.startswith(("data:", "blob:")):
        page.problems.append(url)


def test_there_is_a_report_to_look_at():
    assert HTML / "executed" / "accuracy.html" in PAGES, "make one first: nox -s reproduce"


@pytest.mark.parametrize("way", WAYS)
def test_nothing_keeps_people_out_and_nothing_is_asked_of_the_network(open_page, way):
    found, page = [], open_page("index.html", way)
    for path in PAGES:
        page.goto(path.as_uri())
        if page.evaluate("document.documentElement.scrollWidth") > WAYS[way]["viewport"]["width"]:
            found.append((path.name, "scrolls sideways"))
        for fault in Axe().run(page).response["violations"]:
            if fault["impact"] in ("serious", "critical"):
                found += [(path.name, fault["id"], node["html"][:200]) for node in fault["nodes"]]
    assert found == []
    assert page.problems == []


def test_a_formula_is_drawn_without_a_network(open_page):
    page = open_page("method.html")
    page.wait_for_selector("mjx-container svg, mjx-container mjx-math")
    assert page.locator("mjx-merror").count() == 0
    loaded = page.evaluate(
        "document.fonts.ready.then(() => [...document.fonts].filter(f => f.status == 'loaded' "
        "&& f.family.startsWith('MJX')).length)"
    )
    assert loaded > 0
    assert page.problems == []


def test_a_dot_says_which_model_it_is_to_mouse_keyboard_and_finger(open_page):
    page = open_page("executed/accuracy.html")
    box, drawing = page.locator(".mark-label"), page.locator(".drawing.has-marks").first
    dot = drawing.locator("use.mark").first
    name = dot.get_attribute("data-name")
    dot.hover()
    expect(box).to_be_visible()
    expect(box).to_contain_text(name)
    expect(box).to_contain_text("C-OoD accuracy")
    expect(box).to_contain_text("[")
    drawing.focus()
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    seen = set()
    for _ in range(drawing.locator(".mark").count()):
        page.keyboard.press("ArrowRight")
        seen.add(box.locator("strong").inner_text())
    assert len(seen) == drawing.locator(".mark").count()
    assert page.problems == []
    phone = open_page("executed/accuracy.html", "phone", has_touch=True)
    dot = phone.locator(".drawing.has-marks use.mark").first
    dot.scroll_into_view_if_needed()
    at = dot.bounding_box()
    phone.touchscreen.tap(at["x"] + at["width"] / 2 + 8, at["y"] + at["height"] / 2)  # near it
    expect(phone.locator(".mark-label")).to_be_visible()


def test_a_figure_follows_the_dark_mode(open_page):
    colours = {}
    for way in ("light", "dark"):
        page = open_page("executed/accuracy.html", way)
        label, dot = ".drawing svg [id$=text_1] g", ".drawing use.mark"
        colours[way] = [
            page.locator(one).first.evaluate("e => getComputedStyle(e).fill")
            for one in (label, dot)
        ]
    assert colours["light"][0] == "rgb(38, 38, 38)"
    assert colours["dark"][0] == "rgb(230, 230, 230)"
    assert colours["light"][1] != colours["dark"][1]


def open_leaderboard(page):
    """The folded table of all models, opened by keyboard."""
    folded = page.locator("details.long-table").first
    expect(folded.locator("table")).to_be_hidden()
    folded.locator("summary").press("Enter")
    table = folded.locator("table.dataframe")
    expect(table).to_be_visible()
    return folded, table


def test_the_leaderboard_unfolds_sorts_back_and_filters(open_page):
    page = open_page("executed/accuracy.html")
    folded, table = open_leaderboard(page)
    assert f"({table.locator('tbody tr').count()} rows)" in folded.locator("summary").inner_text()
    header = table.locator("th", has_text="ID accuracy").first
    values = lambda: [  # noqa: E731
        float(text.split()[0]) for text in table.locator("tbody td:nth-child(3)").all_inner_texts()
    ]
    original = values()
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    assert values() == sorted(original, reverse=True)
    header.locator("button").press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    assert values() == sorted(original)
    header.locator("button").press("Enter")
    assert header.get_attribute("aria-sort") is None
    assert values() == original
    header.locator("button").click()
    folded.get_by_role("button", name="Original order").click()
    assert values() == original
    rows = table.locator("tbody tr")
    first = rows.first.locator("td").first.inner_text()
    page.get_by_label("Rows with").first.fill(first)
    expect(page.locator(".filter [role=status]").first).to_contain_text(f"of {rows.count()} rows")
    assert 0 < table.locator("tbody tr:visible").count() < rows.count()
    assert page.problems == []


def test_what_is_cut_on_a_phone_has_a_shadow_until_its_end(open_page):
    page = open_page("executed/accuracy.html", "phone")
    _, table = open_leaderboard(page)
    for box in (page.locator(".drawing").first, table.locator("xpath=..")):
        cue = box.locator("xpath=..")
        expect(cue).to_have_class("scroll-cue more-right")
        box.evaluate("e => e.scrollTo(e.scrollWidth, 0)")
        expect(cue).to_have_class("scroll-cue more-left")
    box = table.locator("xpath=..").bounding_box()
    assert table.locator("tbody td").first.bounding_box()["x"] == box["x"]  # it stays in sight


def test_a_phone_sees_no_code_first_and_parameters_at_the_end(open_page):
    page = open_page("executed/accuracy.html", "phone")
    kinds = ".admonition, details, .cell_input, .drawing"
    order = page.locator("article").locator(kinds)
    expect(order.first).to_contain_text("Question and result")
    expect(order.last).to_contain_text("Parameters")
    dropdown = page.locator("details.sd-dropdown").last
    expect(dropdown.locator("table")).to_be_hidden()
    dropdown.locator("summary").click()
    expect(dropdown.locator("table")).to_contain_text("id_split")
    assert page.problems == []


@pytest.mark.parametrize("way", ["light", "phone"])
def test_a_picture_is_enlarged_by_click_and_by_keyboard(open_page, way):
    page = open_page("executed/dataset.html", way)
    first, second = (page.locator(".gallery .picture").nth(k) for k in range(2))
    dialog = page.locator("dialog.enlarged")
    first.click()
    expect(dialog).to_be_visible()
    picture, small = dialog.locator("img"), first.locator("img")
    assert picture.get_attribute("alt") == small.get_attribute("alt")
    assert picture.bounding_box()["width"] > 2 * small.bounding_box()["width"]
    expect(dialog).to_contain_text("training data")
    page.keyboard.press("ArrowRight")
    assert picture.get_attribute("alt") == second.locator("img").get_attribute("alt")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    assert page.problems == []


def test_a_page_can_be_read_without_scripts(open_page):
    page = open_page("executed/accuracy.html", java_script_enabled=False)
    assert page.locator("svg .mark > title").count() > 3
    page.locator("details.long-table summary").first.click()
    assert page.locator("table.dataframe tbody tr").first.is_visible()


def test_the_explorer_is_moved_through_by_keyboard_and_its_address_is_what_it_shows(open_page):
    page = open_page("executed/explorer.html")
    grid, chosen = page.locator(".explorer table[role=grid]"), "[aria-selected=true]"
    expect(grid.locator("[tabindex='0']")).to_have_count(1)  # one stop for the tab key
    first = grid.locator(chosen).get_attribute("aria-label")
    grid.locator("[tabindex='0']").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert grid.locator(chosen).get_attribute("aria-label") == first  # only the focus moved
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')").split(":")[0]
    page.keyboard.press("Enter")
    expect(page.locator(".explorer h3")).to_have_text(focused)
    expect(page.locator(".explorer [role=status]")).to_contain_text(f"{focused}. ")
    assert f"composition={focused.replace(' ', '%20')}" in page.url
    page.keyboard.press("Control+Home")
    page.keyboard.press(" ")
    expect(page.locator(".explorer h3")).not_to_have_text(focused)
    page.go_back()
    expect(page.locator(".explorer h3")).to_have_text(focused)
    assert page.problems == []


def test_the_explorer_shows_the_answers_of_two_models_to_each_image(open_page):
    page = open_page("executed/explorer.html", "phone")
    menu = lambda name: page.get_by_role("combobox", name=name, exact=True)  # noqa: E731
    models = menu("Second model").locator("option").all_inner_texts()
    menu("Second model").select_option(models[1])
    menu("Attribute").select_option(index=1)
    menu("Object").select_option(index=2)
    names = page.locator(".explorer-results thead th")
    expect(names).to_have_count(2)
    expect(names.nth(1)).to_have_text(models[1])
    images = page.locator(".explorer-images > li")
    assert images.count() > 0
    lists = page.locator(".explorer-images ol")
    expect(lists).to_have_count(2 * images.count())
    for answers in lists.all():
        shown = answers.locator(".cosine").all_inner_texts()
        cosines = [float(number.replace("\u2212", "-")) for number in shown]
        assert len(cosines) == 5
        assert cosines == sorted(cosines, reverse=True)
    # What the status says is what the lists show: a tick at the first answer.
    said = page.locator(".explorer [role=status]").text_content()
    ticks = page.locator(".explorer-images li > .explorer-best:nth-child(2) li:first-child .right")
    assert f"pair right for {ticks.count()} of {images.count()} images" in said.split(";")[0]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    shared = open_page(f"executed/explorer.html{page.evaluate('location.hash')}")
    expect(shared.locator(".explorer-results thead th")).to_have_count(2)
    expect(shared.locator(".explorer h3")).to_have_text(page.locator(".explorer h3").inner_text())
    assert page.problems == shared.problems == []


def test_the_explorer_says_what_is_wrong_with_an_address(open_page):
    page = open_page("executed/explorer.html")
    fault, heading = page.locator(".explorer [role=alert]"), page.locator(".explorer h3")
    expect(fault).to_be_hidden()
    shown = heading.inner_text()
    for part, text in (
        ("model=nobody", "This page has no model “nobody”. It has, for example: "),
        ("model2=nobody", "This page has no model “nobody”."),
        ("composition=square%20circle", "This page has no composition “square circle”."),
        ("modle=x", "The address has modle; it may have model, composition, model2."),
    ):
        page.evaluate("part => { location.hash = part; }", part)
        expect(fault).to_contain_text(text)
        expect(heading).to_have_text(shown)
    page.evaluate("location.hash = 'which-answers-does-a-model-give'")  # a part of the page
    expect(fault).to_be_hidden()
    assert page.problems == []


def test_the_data_and_the_source_are_beside_the_page(open_page):
    page = open_page("executed/accuracy.html")
    for name in ("leaderboard.csv", "accuracy.ipynb"):
        link = page.locator(f"a.download[href$='{name}']").first
        assert (HTML / "executed" / link.get_attribute("href")).is_file()
        expect(link).to_be_visible()
