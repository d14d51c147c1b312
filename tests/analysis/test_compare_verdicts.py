import numpy as np
import pandas as pd
import pytest

from cood.analysis.claims.statistics import CORRELATION
from cood.analysis.compare_verdicts import design_columns_of, read_verdicts, verdicts_text
from cood.errors import ArtefactError

SETTINGS = {"seed": 1, "design.factors.share.low": 0.1, "design.factors.image_tower.levels": []}


def run(shares, slope_above, word):
    """Tables of a run: U2 holds among models that see a share above a half only."""
    rng = np.random.default_rng(0)
    x, n = rng.normal(size=len(shares)), len(shares)
    y = np.where(shares > 0.5, slope_above, 0) * x + 0.3 * rng.normal(size=n)
    names = [f"m{i}" for i in range(n)]
    numbers = pd.DataFrame({"family": names, "share": shares, "r2": x, "cood": y}, index=names)
    row = {"claim": "U2", "test": "linear factorisation", "verdict": word, "family": "secondary"}
    row |= {"outcome": "y1", "kind": CORRELATION, "x": "r2", "y": "cood", "given": np.nan}
    table = pd.DataFrame([row | {"saturated": False, "why": ""}])
    return table, numbers.rename_axis("model")


def test_verdicts_are_compared_within_the_ranges_of_the_first_run():
    own = run(np.linspace(0.05, 0.45, 40), 0, "undecided")
    other = run(np.linspace(0.0, 1.0, 90), 2, "supported")
    text = verdicts_text(own, other, SETTINGS)
    first, second = text.splitlines()
    assert first == "The verdicts differ on U2."
    inside = int(((other[1]["share"] > 0.04) & (other[1]["share"] < 0.46)).sum())
    assert second.startswith(f"Among the {inside} of 90 models of B within A's ranges of factors: ")
    # Among them there is no effect, as in A.
    assert "agree on U2" in second


def test_runs_without_claims_or_numbers_say_less():
    own, other = (
        run(np.linspace(0, 1, 9), 0, "undecided"),
        run(np.linspace(0, 1, 9), 0, "undecided"),
    )
    nothing = pd.DataFrame({"claim": [], "verdict": []}, dtype=str), None
    assert verdicts_text(own, nothing, SETTINGS) == ""
    assert verdicts_text(nothing, own, SETTINGS) == ""
    assert verdicts_text(own, (other[0], None), SETTINGS) == "The verdicts agree on U2."
    assert verdicts_text(own, other, {}) == "The verdicts agree on U2."
    apart = run(np.linspace(5, 6, 9), 0, "undecided")
    text = verdicts_text(own, apart, SETTINGS)
    assert text.endswith(
        "Among the 0 of 9 models of B within A's ranges of factors, no claim can be tested."
    )


def test_columns_of_the_design_are_known_by_the_factors():
    columns = ["family", "share", "image_tower=vit", "orthogonality", "share plus drawings", "r2"]
    numbers = pd.DataFrame([range(len(columns))], columns=columns)
    assert list(design_columns_of(numbers, SETTINGS)) == [
        "share",
        "image_tower=vit",
        "orthogonality",
    ]


def test_tables_are_read_from_the_folder_of_a_page(tmp_path):
    table, numbers = read_verdicts(tmp_path)
    assert table.empty
    assert numbers is None
    own, models = run(np.linspace(0, 1, 9), 0, "undecided")
    own.to_csv(tmp_path / "claims.csv")
    assert read_verdicts(tmp_path)[1] is None
    models.to_csv(tmp_path / "claims-models.csv")
    pd.testing.assert_index_equal(read_verdicts(tmp_path)[1].index, models.index)
    (tmp_path / "claims-models.csv").write_text("")
    with pytest.raises(ArtefactError, match=r"claims-models.csv is missing or damaged"):
        read_verdicts(tmp_path)
