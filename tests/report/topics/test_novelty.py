import pandas as pd

from cood.report.topics.novelty import describe_result, has_public_corpus

SHARES = pd.DataFrame({"faithful": [0.5, 0.4], "strict": [0.6, 0.45]}, index=["a", "all corpora"])
CHECK = pd.DataFrame(
    [("few", "faithful", 9, 3), ("few", "strict", 9, 0)],
    columns=["corpus", "rule", "not trained on", "with captions"],
)


def test_what_is_true_by_construction_is_said_to_be(parse):
    study = parse(corpora={"few": {"model": "few"}})
    assert not has_public_corpus(study)
    text = describe_result(study, SHARES, CHECK, "strict")
    assert "known by construction" in text
    assert "of 9 compositions that a searched model was not trained on, the strict rule" in text
    assert "finds a caption for 0. The filter of the paper finds one for 3;" in text


def test_of_a_public_corpus_the_shares_are_given(parse):
    study = parse(corpora={"few": {"model": "few"}, "cc": {"files": ["x.csv"]}})
    assert has_public_corpus(study)
    text = describe_result(study, SHARES, CHECK, "strict")
    assert "40.0 % are novel in all corpora by the faithful rule, and 45.0 % by the str" in text
