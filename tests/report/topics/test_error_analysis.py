import pandas as pd
import pytest

from cood.report.topics.error_analysis import describe_categories, describe_parts


def accuracy(*values, n=100):
    models = [f"m{k}" for k in range(len(values))]
    table = pd.DataFrame({"value": values}, index=models, dtype=float)
    return table.assign(low=table["value"] - 0.1, high=table["value"] + 0.1, n=n)


def parts(n=100, models=5):
    of = {"pair": 0.2, "attribute": 0.5, "object": 0.3, "binding": 0.4}
    table = {kind: accuracy(*[v + k / 100 for k in range(models)]) for kind, v in of.items()}
    table["binding"]["n"] = n
    return table


def test_of_several_models_the_median_and_the_middle_half_are_given():
    text = describe_parts(parts(), least=50)
    assert "the median of 5 models names the attribute in 52.0 % (middle half of the" in text
    assert "the object in 32.0 %" in text
    assert "51.0 % to 53.0 %" in text
    assert text.endswith(
        "it names the pair in 42.0 % (middle half of the models: 41.0 % to 43.0 %)."
    )


def test_of_one_model_the_interval_is_given():
    text = describe_parts(parts(models=1), least=50)
    assert "m0 names the attribute in 50.0 % [40.0, 60.0] of the cases" in text
    assert "median" not in text


def test_binding_on_few_images_is_left_out():
    assert "No model recognises both words" in describe_parts(parts(n=9), least=10)
    assert "names the pair in 40.0 % [" in describe_parts(parts(n=9, models=1), least=10)


@pytest.mark.parametrize(("models", "who"), [(3, "the median model"), (1, "the model")])
def test_the_easiest_and_the_hardest_category_are_named(models, who):
    grid = pd.DataFrame({"color": [0.5] * models, "state": [0.1] * models})
    text = describe_categories(grid)
    assert text.startswith(f"For {who}, attributes of color (50.0 %) are the easiest")
    assert "state (10.0 %) the hardest" in text
    assert describe_categories(grid[["color"]]) == "The study has one category of attributes."
