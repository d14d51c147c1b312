import pandas as pd

from cood.report.tables.certificates import (
    certificate_column,
    certified_pairs,
    describe_certificates,
)

ROWS = pd.DataFrame({"space": ["image", "text", "image"], "metric": ["mig", "mig", "r2_held_out"]})
CERTIFICATE = pd.DataFrame(
    {
        "space": ["image", "text", "text"],
        "metric": ["mig", "mig", "sap"],
        "certified": [True, False, True],
        "why": ["", "reliability 0.200", ""],
    }
)


def test_metrics_with_a_certificate_are_named():
    assert describe_certificates(ROWS, CERTIFICATE) == (
        "1 of 3 pairs of a metric and a space have a certificate, so that they may decide "
        "something: MIG of images."
    )
    none = CERTIFICATE.assign(certified=False)
    assert describe_certificates(pd.concat([ROWS, ROWS]), none).startswith("0 of 3 pairs")
    assert describe_certificates(ROWS, none).endswith("something: none.")


def test_what_a_metric_lacks_stands_beside_it():
    assert certificate_column(ROWS, CERTIFICATE) == ["yes", "no: reliability 0.200", "not tested"]
    assert certified_pairs(CERTIFICATE) == [("image", "mig"), ("text", "sap")]


def test_before_the_reference_run_no_metric_has_one():
    assert describe_certificates(ROWS, None).startswith("No metric has a certificate yet")
    assert certificate_column(ROWS, None) == ["none yet"] * 3
    assert certified_pairs(None) == []
