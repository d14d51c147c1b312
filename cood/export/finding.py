"""The finding of a reference run, in the README: sentences and a picture."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt

from cood.analysis.reference import Reference
from cood.analysis.topics.overview import accuracy_by_factor
from cood.errors import CoodError
from cood.files import atomic
from cood.report.plots import as_svg, set_theme
from cood.report.topics.claims import answer
from cood.report.topics.overview import draw_factors

PICTURE = Path("docs") / "finding.svg"
START, END = "<!-- finding: `cood readme` writes it -->", "<!-- end of the finding -->"
BLOCK = re.compile(f"{re.escape(START)}\n.*?{re.escape(END)}", re.DOTALL)
ALT = "Accuracy of small CLIPs on seen and unseen compositions, beside settings of their training"


def finding_text(reference: Reference) -> str:
    """What a reference run found, as Markdown with its picture.

    Raises
    ------
    CoodError
        If the run has no table of claims.
    """
    saved = reference.claims()
    if saved is None:
        raise CoodError(
            f"reference run {reference.name}: it has no table of claims; run its notebook claims, "
            f"then `cood publish --study {reference.name}`"
        )
    commit, date = reference.provenance["commit"]["hash"][:12], reference.provenance["date"][:10]
    return (
        f"{answer(saved, reference.name)}\n\n![{ALT}]({PICTURE.as_posix()})\n\n"
        f"Reference run `{reference.name}`, {date}, commit `{commit}`: lines are fits over models."
    )


def finding_picture(reference: Reference) -> str:
    """Accuracy on seen and unseen compositions beside the factors, as SVG."""
    set_theme()
    figure = draw_factors(accuracy_by_factor(reference.results()), None, "")
    try:
        return as_svg(figure)
    finally:
        plt.close(figure)


def with_finding(readme: str, text: str) -> str:
    """The text of a README, with the finding between its two marks.

    Raises
    ------
    CoodError
        If the marks are missing.
    """
    if not BLOCK.search(readme):
        raise CoodError(f"README.md: the lines {START} and {END} are missing; put them back")
    return BLOCK.sub(lambda _: f"{START}\n{text}\n{END}", readme)


def write_finding(root: Path, reference: Reference) -> list[Path]:
    """Write the finding of a reference run to the README and its picture; give both files."""
    readme, picture = root / "README.md", root / PICTURE
    contents = {
        readme: with_finding(readme.read_text(encoding="utf-8"), finding_text(reference)),
        picture: finding_picture(reference),
    }
    for file, content in contents.items():
        with atomic(file) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return list(contents)
