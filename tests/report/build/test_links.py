import json

import pytest

from cood.cli import main
from cood.report.build import links

ROW = {"filename": "method.md", "lineno": 3, "uri": "https://example.org", "code": 404}


@pytest.mark.parametrize(
    ("status", "info", "expected"),
    [
        ("working", "", []),
        ("redirected", "", []),
        ("ignored", "", []),
        ("broken", "404", ["method.md:3: https://example.org: 404"]),
        ("timeout", "", ["method.md:3: https://example.org: timeout"]),
    ],
)
def test_links_that_fail_are_named_with_their_place(status, info, expected):
    rows = [ROW | {"status": status, "info": info}, ROW | {"status": "unchecked", "info": ""}]
    assert links.failures("\n".join(map(json.dumps, rows))) == expected


def test_without_a_network_one_sentence_says_so(project, monkeypatch, capsys):
    monkeypatch.setattr(links, "PROBE", "http://127.0.0.1:9")  # nobody listens there
    assert main(["linkcheck", "--study", "tiny"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(
        "cood linkcheck: web links cannot be checked: http://127.0.0.1:9 does not answer"
    )
    assert captured.err.count("\n") == 1
