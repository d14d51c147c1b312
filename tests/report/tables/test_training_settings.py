from cood.report.tables.training_settings import NO_MODEL, training_settings


def values(study):
    table = training_settings(study)
    return dict(zip(table["key"], table["values"], strict=True))


def test_settings_that_all_models_share_have_one_value(parse):
    found = values(parse())
    assert found["skew"] == "0"
    assert found["treatment"] == "none"
    assert found["strength"] == "none"


def test_few_values_and_words_are_counted(parse):
    models = {
        "a": {"share": 0.7},
        "b": {"share": 0.7, "loss": "sigmoid", "seed": 1},
        "c": {"share": 0.9, "treatment": "additivity", "strength": 0.3, "seed": 2},
    }
    found = values(parse(models=models))
    assert found["share"] == "0.7 (2), 0.9 (1)"
    assert found["loss"] == "sigmoid (1), softmax (2)"
    assert found["treatment"] == "additivity (1), none (2)"
    assert found["strength"] == "0.3"


def test_many_values_are_a_range_with_its_median(parse):
    models = {
        f"m{k}": {"share": 0.9, "skew": k / 4, "steps": 10 * 10**k, "seed": k} for k in range(5)
    }
    found = values(parse(models=models))
    assert found["skew"] == "0 to 1, median 0.5"
    assert found["steps"] == "10 to 100,000, median 1,000"


def test_a_study_without_training_says_so(parse):
    published = {"p": {"checkpoint": "ViT-B-32-quickgelu/openai"}}
    table = training_settings(parse(models=published))
    assert table["setting"].tolist() == [NO_MODEL]
