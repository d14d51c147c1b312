import pandas as pd

from cood.report.tables import format_ratio, styled


def test_ratios_of_nothing():
    assert [format_ratio(a, b) for a, b in ((1, 4), (1, 0), (0, 0))] == [
        "0.2",
        "infinite",
        "undefined",
    ]


def test_text_of_a_table_is_not_html():
    table = pd.DataFrame({"word": ["<script>alert(1)</script>"], "n": [1.5]})
    html = styled(table).format(precision=1).to_html()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert ">1.5<" in html


def test_a_number_and_its_interval_stay_on_one_line():
    table = pd.DataFrame({"estimate": ["0.5 [0.1, 0.9]"], "text": ["a b"]})
    styles = styled(table).to_html().split("</style>")[0]
    assert "row0_col0" in styles
    assert "row0_col1" not in styles


def test_only_cells_with_a_sentence_are_given_room():
    def html(text):
        return styled(pd.DataFrame({"check": [text]})).to_html()

    wide = "min-width: min(12rem, 35vw)"
    assert wide in html("a sentence of more than forty letters, no less")
    assert wide not in html("a few words")
    assert wide not in html("0.5 [0.4, 0.6]")
