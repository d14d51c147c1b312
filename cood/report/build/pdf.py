"""The report as one PDF, printed by a Chromium of this machine."""

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
from cood.settings.study_file import Study

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 300  # in which a long report is printed
PRINTED = """
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


def browser() -> str:
    """Chromium of this machine: what `CHROMIUM` names, or the first that is installed.

    Raises
    ------
    CoodError
        If there is none, with what to install.
    """
    asked = os.environ.get("CHROMIUM")
    found = [asked] if asked else list(filter(None, map(shutil.which, BROWSERS)))
    if not found or shutil.which(found[0]) is None:
        what = f"CHROMIUM names {asked}, which is no program" if asked else "there is no Chromium"
        raise CoodError(
            f"{what}; a PDF is printed by one: install it (on Debian: apt install chromium) or "
            "give its path as CHROMIUM"
        )
    return found[0]


def print_book(study: Study) -> Path:
    """Print all pages of a study's report, in order, and return the PDF; it lies beside the pages.

    Raises
    ------
    CoodError
        If there is no Chromium, or it fails.
    """
    program, html = browser(), study.paths.html.parent
    pdf = html.parent / f"{study.name}.pdf"
    whole = html / "whole-book.html"  # beside the pages, as they name files relative to themselves
    whole.write_text(joined(html, order(study.paths.book / "_toc.yml")), encoding="utf-8")
    try:
        with tempfile.TemporaryDirectory(prefix="cood-") as profile:
            command = [program, "--headless", "--disable-gpu", f"--user-data-dir={profile}"]
            if os.geteuid() == 0:
                command.append("--no-sandbox")  # Chromium refuses root otherwise
            command += ["--no-pdf-header-footer", "--virtual-time-budget=60000"]
            command += [f"--print-to-pdf={pdf}", whole.as_uri()]
            pdf.unlink(missing_ok=True)
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=SECONDS
            )
    except subprocess.TimeoutExpired as error:
        raise CoodError(f"{program} did not print the report in {SECONDS} s") from error
    finally:
        whole.unlink()
    if done.returncode or not pdf.is_file():
        raise CoodError(f"{program} did not print the report; it says:\n{done.stderr[-2000:]}")
    return pdf


def order(toc: Path) -> list[str]:
    """Pages of a book in the order of its table of contents, without their suffix."""
    contents = yaml.safe_load(toc.read_text())
    found = [contents["root"]]

    def collect(chapters: list[dict[str, object]]) -> None:
        for chapter in chapters:
            if "file" in chapter:
                found.append(str(chapter["file"]).removesuffix(".md"))
            collect(chapter.get("sections", []))  # type: ignore[arg-type]

    for part in contents.get("parts", [contents]):
        collect(part.get("chapters", []))
    return found


def joined(html: Path, pages: list[str]) -> str:
    """One page of all articles, whose links lead inside it, in light colours."""
    first = BeautifulSoup((html / f"{pages[0]}.html").read_text(encoding="utf-8"), "html.parser")
    articles = []
    for page in pages:
        text = (html / f"{page}.html").read_text(encoding="utf-8")
        article = BeautifulSoup(text, "html.parser").find("article")
        if article is None:
            raise CoodError(f"page {page} of the report has no article; render the report again")
        name, folder = page.replace("/", "-"), Path(page).parent
        for tag in article.find_all(id=True):
            tag["id"] = f"{name}--{tag['id']}"
        for tag in article.find_all(href=True):
            tag["href"] = _inside(str(tag["href"]), page, pages)
        for tag in article.find_all(src=True):
            tag["src"] = os.path.normpath(folder / str(tag["src"]))
        body = _renamed(article.decode_contents(), name)
        articles.append(f'<article class="page bd-article" id="{name}">{body}</article>')
    head = first.head.decode_contents() if first.head else ""
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light"><head>'
        f"{head}<style>{PRINTED}</style></head><body>{''.join(articles)}</body></html>"
    )


def _inside(link: str, page: str, pages: list[str]) -> str:
    """A link as it is in one page of all; one that leads elsewhere stays."""
    target, _, part = link.partition("#")
    if re.match(r"[a-z]+:", link):
        return link
    own = os.path.normpath(Path(page).parent / target).removesuffix(".html") if target else page
    if own not in pages:
        return os.path.normpath(Path(page).parent / target)
    name = own.replace("/", "-")
    return f"#{name}--{part}" if part else f"#{name}"


def _renamed(body: str, name: str) -> str:
    """What figures name by `url(#...)` and `xlink:href`, as ids are renamed."""
    body = re.sub(r"url\(#", f"url(#{name}--", body)
    return re.sub(r'(xlink:href=")#', rf"\1#{name}--", body)
