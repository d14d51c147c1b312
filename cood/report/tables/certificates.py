"""Which metrics have a certificate, beside their values and in sentences."""

from __future__ import annotations

import pandas as pd

from cood.report.tables.formatting import metric_names

NONE_YET = (
    "No metric has a certificate yet, as the reference run that tests the metrics is not published "
    "with this version. Their values decide nothing here."
)
UNTESTED = "not tested"


def certified_pairs(certificate: pd.DataFrame | None) -> list[tuple[str, str]]:
    """Spaces and metrics with a certificate; none without a table."""
    if certificate is None:
        return []
    passed = certificate[certificate["certified"]]
    return list(zip(passed["space"], passed["metric"], strict=True))


def certificate_column(rows: pd.DataFrame, certificate: pd.DataFrame | None) -> list[str]:
    """For each row of a table with `space` and `metric`: ``yes``, or what it lacks."""
    if certificate is None:
        return ["none yet"] * len(rows)
    why = {
        (row.space, row.metric): "yes" if row.certified else f"no: {row.why}"
        for row in certificate.itertuples()
    }
    return [why.get(key, UNTESTED) for key in zip(rows["space"], rows["metric"], strict=True)]


def describe_certificates(rows: pd.DataFrame, certificate: pd.DataFrame | None) -> str:
    """Which of the metrics of a table have a certificate, as sentences.

    Parameters
    ----------
    rows
        Columns `space` and `metric`.
    certificate
        What `cood.analysis.certificate.load_certificate` gives.
    """
    if certificate is None:
        return NONE_YET
    rows = rows.drop_duplicates(["space", "metric"])
    passed = certified_pairs(certificate)
    has = [key in passed for key in zip(rows["space"], rows["metric"], strict=True)]
    names = ", ".join(metric_names(rows[has])) or "none"
    return (
        f"{sum(has)} of {len(rows)} pairs of a metric and a space have a certificate, so that they "
        f"may decide something: {names}."
    )
