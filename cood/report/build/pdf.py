"""The report as one PDF, printed by a Chromium of this machine.

The PDF builder of Jupyter Book (`pdfhtml`) would render the whole book a second time, as one page,
and print it by a Chromium that Playwright has downloaded. This module joins the pages of the
report, and prints them by a Chromium that is installed, without a network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

from cood.errors import CoodError
from cood.report.markup import LONG_TABLE
from cood.settings.study_file import Study

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PRINT_SECONDS = 300  # in which a long report is printed
LOADING_MILLISECONDS = 60_000  # that scripts of the pages may take
LOG_LETTERS = 2000
PRINT_STYLE = """
@page { size: A4; margin: 16mm 14mm; }
body { padding: 0 !important; font-size: 10pt; }
.page { break-before: page; }
.page:first-of-type { break-before: auto; }
.page h1 { break-after: avoid; }
.page { min-height: 0; padding: 0; }
.headerlink, .filter, .copybtn, details.hide { display: none !important; }
.sorter::after { content: none; }
h1 { font-size: 20pt; }
h2 { font-size: 14pt; margin-top: 1.2rem; }
h3 { font-size: 11pt; }
td p { margin: 0; }
figure, tr, pre { break-inside: avoid; }
h2, h3 { break-after: avoid; }
pre { white-space: pre-wrap; }
.drawing > svg { min-width: 0; max-height: 195mm; }
table { font-size: 8pt; }
table.intervals td, table td { white-space: normal !important; }
.pst-scrollable-table-container, .cell_output, .drawing { overflow: visible !important; }
"""


def find_chromium() -> str:
    """Path of Chromium: what the environment variable `CHROMIUM` names, or one that is installed.

    Raises
    ------
    CoodError
        If there is none.
    """
    chosen = os.environ.get("CHROMIUM")
    programs = [chosen] if chosen else list(filter(None, map(shutil.which, PROGRAMS)))
    if not programs or shutil.which(programs[0]) is None:
        problem = f"CHROMIUM is {chosen}, which is not a program" if chosen else "no Chromium found"
        raise CoodError(
            f"the PDF needs Chromium: {problem}; install it (on Debian: apt install chromium) or "
            "set CHROMIUM to its path"
        )
    return programs[0]


def print_book(study: Study) -> Path:
    """Print all pages of a study's report, in order, and return the path of the PDF.

    Raises
    ------
    CoodError
        If there is no Chromium, or it fails.
    """
    program, html = find_chromium(), study.paths.html.parent
    pdf = html.parent / f"{study.name}.pdf"
    whole = html / "whole-book.html"  # in their folder, since pages have relative links
    whole.write_text(join_pages(html, page_order(study.paths.book / "_toc.yml")), encoding="utf-8")
    try:
        with tempfile.TemporaryDirectory(prefix="cood-") as profile:
            command = [program, "--headless", "--disable-gpu", f"--user-data-dir={profile}"]
            if os.geteuid() == 0:
                command.append("--no-sandbox")  # Chromium refuses root otherwise
            command += ["--no-pdf-header-footer", f"--virtual-time-budget={LOADING_MILLISECONDS}"]
            command += [f"--print-to-pdf={pdf}", whole.as_uri()]
            pdf.unlink(missing_ok=True)
            result = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=PRINT_SECONDS
            )
    except subprocess.TimeoutExpired as error:
        raise CoodError(
            f"{program} did not print the report in {PRINT_SECONDS} s; try again on an idle machine"
        ) from error
    finally:
        whole.unlink()
    if result.returncode or not pdf.is_file():
        log = result.stderr[-LOG_LETTERS:]
        raise CoodError(f"{program} did not print the report; it reports:\n{log}")
    return pdf


def page_order(toc: Path) -> list[str]:
    """Pages of a book in the order of its table of contents, without their suffix."""
    contents = yaml.safe_load(toc.read_text())
    pages = [contents["root"]]

    def collect(chapters: list[dict[str, object]]) -> None:
        for chapter in chapters:
            if "file" in chapter:
                pages.append(str(chapter["file"]).removesuffix(".md"))
            collect(chapter.get("sections", []))  # type: ignore[arg-type]

    for part in contents.get("parts", [contents]):
        collect(part.get("chapters", []))
    return pages


def join_pages(html: Path, pages: list[str]) -> str:
    """One page of all articles, with its links pointing into itself, in light colours."""
    first = BeautifulSoup((html / f"{pages[0]}.html").read_text(encoding="utf-8"), "html.parser")
    articles = []
    for page in pages:
        text = (html / f"{page}.html").read_text(encoding="utf-8")
        article = BeautifulSoup(text, "html.parser").find("article")
        if article is None:
            raise CoodError(f"page {page} of the report has no article; render the report again")
        name, folder = page.replace("/", "-"), Path(page).parent
        for tag in article.select(f"details.{LONG_TABLE}"):
            tag["open"] = ""  # paper does not unfold
        for tag in article.find_all(id=True):
            tag["id"] = f"{name}--{tag['id']}"
        for tag in article.find_all(href=True):
            tag["href"] = _internal_link(str(tag["href"]), page, pages)
        for tag in article.find_all(src=True):
            tag["src"] = os.path.normpath(folder / str(tag["src"]))
        body = _prefix_references(article.decode_contents(), name)
        articles.append(f'<article class="page bd-article" id="{name}">{body}</article>')
    head = first.head.decode_contents() if first.head else ""
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light"><head>'
        f"{head}<style>{PRINT_STYLE}</style></head><body>{''.join(articles)}</body></html>"
    )


def _internal_link(link: str, page: str, pages: list[str]) -> str:
    """A link as it is in the joined page; one to another place stays as it is."""
    target, _, part = link.partition("#")
    if re.match(r"[a-z]+:", link):
        return link
    own = os.path.normpath(Path(page).parent / target).removesuffix(".html") if target else page
    if own not in pages:
        return os.path.normpath(Path(page).parent / target)
    name = own.replace("/", "-")
    return f"#{name}--{part}" if part else f"#{name}"


def _prefix_references(body: str, name: str) -> str:
    """Give the references of figures, `url(#...)` and `xlink:href`, the prefix of their ids."""
    body = re.sub(r"url\(#", f"url(#{name}--", body)
    return re.sub(r'(xlink:href=")#', rf"\1#{name}--", body)
