"""The choices behind each test of a claim: other outcomes, other forms of the measure.

`curve_of` computes the test in every combination of them, as a specification curve. It decides
nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cood.analysis.claims.claim_tests.dimensions import FIRST, RANK
from cood.analysis.claims.claim_tests.disentanglement import certified_metrics, mean_rank
from cood.analysis.claims.effects import Effect
from cood.analysis.claims.evidence import ACCURACY, Evidence
from cood.analysis.claims.statistics import CROSSED, varying
from cood.analysis.metric_correlations import add_excess, computations
from cood.analysis.results import plain_rows, rows_with
from cood.analysis.specification import Choices, SpecificationCurve, specification_curve
from cood.analysis.topics.dimension_swap import choices as dimension_choices
from cood.analysis.topics.diversity import caption_table
from cood.errors import StudyError
from cood.evaluation.accuracy.retrieval import COMPOSED, FORMS
from cood.evaluation.interventions.dimension_swap import NEARER
from cood.metrics.rank import DEFINITIONS
from cood.metrics.registry import metric_label

USUAL = "as registered"
FACTORISATIONS = ("r2_adjusted", "r2_held_out", "r2_projected")


def curve_of(
    evidence: Evidence, claim: str, effect: Effect, expected: str
) -> SpecificationCurve | None:
    """A test in every combination of choices; None if it is no association or too few have data.

    Where models share families, the families are the units: numbers are their means.

    Parameters
    ----------
    evidence, claim, effect, expected
        The study, the id of the claim, the effect of its test, and the sign that it expects.
    """
    if not effect.association or effect.numbers.empty:
        return None
    outcomes = outcome_choices(evidence, effect.outcome)
    measures = measure_choices(evidence, claim, effect)
    given = effect.numbers[list(effect.statistic.nuisance)]
    given = given[list(varying(given.dropna(), effect.statistic.nuisance))]
    family = evidence.models["family"]
    if family.duplicated().any():
        outcomes, measures = (
            {about: x.groupby(family).mean() for about, x in part.items()}
            for part in (outcomes, measures)
        )
        given = given.groupby(family).mean()
    try:
        return specification_curve(
            outcomes,
            measures,
            expected,
            given=given if len(given.columns) else None,
            seed=evidence.results.study.seed,
        )
    except StudyError:  # too few units
        return None


def measure_choices(evidence: Evidence, claim: str, effect: Effect) -> dict[Choices, pd.Series]:
    """Forms of the measure that no model lacks, the registered one first."""
    registered = effect.measure
    if effect.statistic.kind == CROSSED:
        registered = evidence.outcomes["id"]
    forms = {USUAL: registered}
    other = FORMS_OF.get(claim)
    if other is not None:
        present = registered.notna()
        for name, values in other(evidence, effect).items():
            if values[present].notna().all() and values[present].nunique() > 1:
                forms[name] = values
    return {(("measure", name),): values for name, values in forms.items()}


def outcome_choices(evidence: Evidence, outcome: str) -> dict[Choices, pd.Series]:
    """Ways to measure an outcome, the registered one first."""
    table = evidence.outcomes
    if outcome == "y2":
        empirical = table["cood_empirical"] - table["id_empirical"]
        return {
            _outcome("gap, fit"): table["gap"],
            _outcome("gap, empirical logits"): empirical,
        }
    found = {_outcome("log odds, fit"): table["cood"]}
    for column, name in (("cood_empirical", "empirical logit"), ("core", "empirical logit, core")):
        if column in table:
            found[_outcome(name)] = table[column]
    scores = rows_with(evidence.results.scores, split="unseen", metric=ACCURACY)
    scores = scores[scores["set"] == evidence.results.set]
    ways: list[tuple[Choices, dict[str, str]]] = [(_outcome("accuracy"), {})]
    ways.append((_outcome("accuracy", labels="unseen only"), {"labels": "own"}))
    for name in evidence.results.study.ablations:
        ways.append((_outcome("accuracy", templates=name), {"templates": name}))
    for about, where in ways:
        rows = plain_rows(scores, space="image", method="zero_shot", **where)
        values = rows.set_index("model")["value"].reindex(evidence.models.index)
        if values[table["cood"].notna()].notna().all() and values.nunique() > 1:
            found[about] = values
    return found


def _outcome(name: str, labels: str = "all", templates: str = "usual") -> Choices:
    return (("outcome", name), ("labels", labels), ("templates", templates))


def _forms_of_metrics(evidence: Evidence, effect: Effect) -> dict[str, pd.Series]:
    """Mean ranks of the certified metrics as they are computed in other ways."""
    space = "text" if effect.statistic.x[0].endswith("text metrics") else "image"
    metrics = certified_metrics(evidence, space)
    results = evidence.results
    every = add_excess(results, metrics).scores
    every = every[every["metric"].isin(metrics) & (every["set"] == results.set)]
    found = {}
    for name, columns in computations(results).items():
        rows = plain_rows(every, split="all", space=space, **columns) if columns else every[:0]
        wide = rows.pivot(index="model", columns="metric", values="value")
        wide = wide.reindex(evidence.models.index)
        if wide.notna().all(axis=None) and (wide.nunique() > 1).any():
            found[name] = mean_rank(wide)
    return found


def _forms_of_rank(evidence: Evidence, effect: Effect) -> dict[str, pd.Series]:
    space = "text" if "text" in effect.statistic.x[0] else "image"
    scores = rows_with(evidence.results.scores, space=space, split="all")
    scores = scores[scores["set"] == evidence.results.set]
    found = {}
    for definition in DEFINITIONS:
        rows = plain_rows(scores[scores["metric"] == definition])
        if definition != RANK and len(rows):
            found[definition.replace("_", " ")] = _by_model(evidence, rows)
    raw = plain_rows(scores[scores["metric"] == RANK], centred=False)
    return found | ({"not centred": _by_model(evidence, raw)} if len(raw) else {})


def _by_model(evidence: Evidence, rows: pd.DataFrame) -> pd.Series:
    values = rows.drop_duplicates("model").set_index("model")["value"]
    return values.reindex(evidence.models.index)


def _forms_of_retrieval(evidence: Evidence, effect: Effect) -> dict[str, pd.Series]:
    scores = rows_with(evidence.results.scores, split="unseen", space="image")
    scores, found = scores[scores["set"] == evidence.results.set], {}
    for top in ("top1", "top5"):
        for form in FORMS:
            if form.query not in COMPOSED or (top, str(form)) == ("top5", "swap"):
                continue
            composed, text = (
                plain_rows(scores, metric=f"retrieval_{top}", **where)
                for where in (
                    vars(form),
                    {"query": "text", "weight": 1.0, "centred": form.centred},
                )
            )
            if len(composed) and len(text):
                gain = _by_model(evidence, composed) - _by_model(evidence, text)
                found[f"{top}, {form}"] = gain
    return found


def _forms_of_dimensions(evidence: Evidence, effect: Effect) -> dict[str, pd.Series]:
    scores = rows_with(evidence.results.scores, split="all", space="image")
    scores, found = scores[scores["set"] == evidence.results.set], {}
    swap = effect.statistic.x[0].startswith("dimension swap")
    for choice in dimension_choices("image"):
        where = {"metric": "shared_dimensions", **choice.columns}
        if swap:
            where |= {"metric": "swapped_pair", "method": "zero_shot", "exchange": NEARER}
        rows = [plain_rows(scores, control=control, **where) for control in (False, True)]
        if choice == FIRST or not all(map(len, rows)):
            continue
        value = _by_model(evidence, rows[0]) - _by_model(evidence, rows[1])
        if swap:
            intact = {"metric": "intact_pair", "method": "zero_shot", "disjoint": choice.disjoint}
            whole = _by_model(evidence, plain_rows(scores, **intact))
            value = value / whole.where(whole > 0)
        found[str(choice)] = value
    return found


def _forms_of_nmi(evidence: Evidence, effect: Effect) -> dict[str, pd.Series]:
    table = caption_table(evidence.results.study).set_index("model")
    forms = ("geometric", "arithmetic", "information")
    return {name: table[name].reindex(evidence.models.index) for name in forms}


def _forms_of_factorisation(evidence: Evidence, effect: Effect) -> dict[str, pd.Series]:
    scores = rows_with(evidence.results.scores, space="image", split="all")
    scores, found = scores[scores["set"] == evidence.results.set], {}
    for metric in FACTORISATIONS:
        rows = plain_rows(scores, metric=metric)
        if len(rows):
            found[metric_label(metric)] = _by_model(evidence, rows)
    return found


def _forms_of_id(evidence: Evidence, effect: Effect) -> dict[str, pd.Series]:
    if "id_empirical" not in evidence.outcomes:
        return {}
    inside = evidence.inside.values["value"].reindex(evidence.models.index)
    return {"empirical logit": evidence.outcomes["id_empirical"], "ID accuracy": inside}


Forms = Callable[[Evidence, Effect], dict[str, pd.Series]]
# By claim, other forms of its measure. The forms of a factor of the design are its realised values.
FORMS_OF: dict[str, Forms] = {
    "C2": _forms_of_id,
    "C5": _forms_of_nmi,
    "C6": _forms_of_metrics,
    "C7": _forms_of_metrics,
    "C9": _forms_of_rank,
    "C10": _forms_of_retrieval,
    "C12": _forms_of_dimensions,
    "U2": _forms_of_factorisation,
}
