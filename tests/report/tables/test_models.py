from math import nan

import pandas as pd

from cood.report.tables import leaderboard, seed_noise, skipped_models, styled_leaderboard


def test_skipped_models_are_named_with_the_reason():
    models = pd.DataFrame({"model": ["here", "gone"], "missing": ["", "no network"]})
    assert skipped_models(models) == (
        "Skipped, because they could not be loaded: gone (no network)."
    )
    assert skipped_models(models[:1]) == "All models of the study are in the table."
    noted = models[:1].assign(notes="3 prompts are cut")
    assert skipped_models(noted).endswith(f"Note on {noted['model'].item()}: 3 prompts are cut.")


def test_a_leaderboard_shows_no_missing_values():
    row = {"model": "m", "share": None, "ID": 0.5, "ID low": 0.4, "ID high": 0.6}
    row |= {"C-OoD": 0.25, "C-OoD low": 0.2, "C-OoD high": 0.3}
    trained = {"architecture": "resnet-causal-64-softmax", "images": 640, "seed": 1}
    rows = [row | {"architecture": "RN50"}]
    rows += [row | trained | {"model": f"m{share}", "share": share} for share in (0.2, 0.4)]
    html = styled_leaderboard(pd.DataFrame(rows)).to_html()
    assert "25.0 % [20.0, 30.0]" in html
    assert "RN50" in html
    assert "40%" in html
    assert "nan" not in html.lower()


def test_a_leaderboard_shows_the_settings_in_which_models_differ():
    same = {"architecture": "resnet-causal-64-softmax", "images": 6400, "image_tower": "resnet"}
    models = pd.DataFrame(
        [
            same
            | {"model": "a", "share": 0.2, "wrong_captions": 0.0, "treatment": "none", "seed": 1},
            same
            | {"model": "b", "share": 0.8, "wrong_captions": 0.25}
            | {"treatment": "additivity_placebo", "seed": 2},
        ]
    )
    values = pd.DataFrame({"value": [0.5, 0.4], "low": 0.3, "high": 0.6}, index=["a", "b"])
    board = leaderboard(models, values, values)
    assert {"images", "image_tower", "seed"} <= set(board)  # saved
    shown = styled_leaderboard(board).data
    assert list(shown) == ["model", "C-OoD", "ID", "share", "wrong captions", "treatment"]
    assert shown.iloc[1, 3:].tolist() == ["80%", "25%", "additivity placebo"]


def test_a_leaderboard_shows_published_accuracies():
    models = pd.DataFrame(
        {
            "model": ["a", "b"],
            "architecture": "RN50",
            "published_id": [0.57, nan],
            "data": ["WIT", "CC12M"],
            "samples_seen": [12.8e9, nan],
        }
    )
    values = pd.DataFrame({"value": 0.5, "low": 0.4, "high": 0.6}, index=["a", "b"])
    board = leaderboard(models, values, values)
    assert board["published_id"].tolist()[0] == 0.57
    html = styled_leaderboard(board).to_html()
    assert "ImageNet, published" in html
    assert "57.0 %" in html
    assert "CC12M" in html
    assert "nan" not in html.lower()


def test_models_that_differ_only_in_their_seed_show_the_noise():
    same = {"kind": "trained here", "missing": "", "parameters": 1, "share": 0.4}
    models = pd.DataFrame(
        [
            same | {"model": "a", "seed": 0, "family": "draw 0"},
            same | {"model": "b", "seed": 1, "family": "draw 1"},
            same | {"model": "c", "seed": 0, "family": "draw 0", "share": 0.8},
        ]
    )
    values = pd.DataFrame({"value": [0.1, 0.3, 0.9]}, index=["a", "b", "c"])
    text = seed_noise(models, values)
    assert "differ only in their seed (draw of compositions, captions, drawings" in text
    assert "the accuracies of a, b range from 10.0 % to 30.0 %." in text
    assert "is unknown" in seed_noise(models[1:], values)
