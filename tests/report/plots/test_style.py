import numpy as np
import pandas as pd
import pytest

from cood.catalogue import checkpoints as catalogue
from cood.report.build.sphinx_figures import LIGHTENING
from cood.report.plots.style import MARKERS, architecture_groups, legend_options, model_styles

ZOO = [
    (n.replace("/", "_"), f, n.partition("/")[0])
    for f, ns in catalogue.families().items()
    for n in ns
]


def test_every_group_of_architectures_has_its_own_marker():
    models = pd.DataFrame(ZOO, columns=["model", "family", "architecture"])
    styles = model_styles(models)
    colours, markers = styles.families, styles.groups
    assert set(architecture_groups(models)) == set(markers)
    assert len(set(markers.values())) == len(markers) <= len(MARKERS)
    assert len(set(colours.values())) == len(colours) == 18
    assert {"ViT-B", "RN", "other"} <= set(markers)


def test_models_of_unknown_architecture_share_one_group():
    models = pd.DataFrame({"model": ["a", "b"], "family": ["one", "two"]})
    assert model_styles(models).groups == {"checkpoint": "o"}


def trained(shares):
    models = pd.DataFrame({"model": [f"m{k}" for k in range(len(shares))], "share": shares})
    return models.assign(
        family=[f"draw {k}" for k in models.index],
        architecture="resnet-causal-64-softmax",
        image_tower="resnet",
    )


def test_models_that_are_trained_here_have_the_colour_of_their_share():
    shares = np.geomspace(0.15, 0.8, 60)
    styles = model_styles(trained(shares))
    assert not styles.families
    assert styles.groups == {"resnet": "o"}
    colours = list(styles.colours.values())
    # Six intervals of equal ratio, from the lightest to the darkest, ten models each.
    assert [colours.count(colour) for colour in dict.fromkeys(colours)] == [10] * 6
    brightness = [sum(colour) for colour in dict.fromkeys(colours)]
    assert brightness == sorted(brightness, reverse=True)


def test_models_of_one_share_have_one_colour_and_no_colour_bar():
    styles = model_styles(trained([0.4, 0.4, 0.4]))
    assert styles.shades is None
    assert len(set(styles.colours.values())) == 1


def test_published_models_keep_the_colours_of_their_families_beside_trained_ones():
    published = pd.DataFrame({"model": ["a", "b"], "family": ["laion", "openai"]})
    models = pd.concat([trained([0.2, 0.3, 0.8]), published], ignore_index=True)
    styles = model_styles(models)
    assert list(styles.families) == ["laion", "openai"]
    assert styles.colours["a"] == styles.families["laion"]
    assert len({*styles.colours.values()}) == 5  # no family looks like a share
    assert styles.groups.keys() == {"resnet", "checkpoint"}


def legend_of(families, architectures):
    pairs = [(f, a) for f in families for a in architectures]
    models = pd.DataFrame(pairs, columns=["family", "architecture"])
    models["model"] = [f"m{k}" for k in models.index]
    return legend_options(model_styles(models))


def test_colours_and_markers_have_legends_of_their_own():
    options = legend_of(["laion", "openai"], ["ViT-B", "RN", "x"])
    labels = [handle.get_label() for handle in options["handles"]]
    assert options["ncols"] == 2
    assert labels == ["family:", "laion", "openai", " ", "image tower:", "RN", "ViT-B", "x"]


def test_many_families_fill_several_columns():
    options = legend_of([f"f{k:02}" for k in range(18)], ["ViT-B", "RN"])
    labels = [handle.get_label() for handle in options["handles"]]
    assert options["ncols"] == 4
    assert len(labels) == 4 * 7
    assert labels[::7] == ["family:", " ", " ", "image tower:"]
    assert labels[8] == "f06"


def test_what_does_not_differ_has_no_legend():
    options = legend_of(["laion", "openai"], ["ViT-B"])
    assert [handle.get_label() for handle in options["handles"]] == ["laion", "openai"]
    assert options["title"] == "family"
    assert legend_options(model_styles(trained([0.2, 0.8])))["handles"] == []


# Machado, Oliveira and Fernandes 2009, severity 1: colour blindness in linear RGB.
VISION = {
    "all colours": np.eye(3),
    "no red": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "no green": [[0.3673, 0.8606, -0.2279], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
    "no blue": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]],
}


def lab(colour, vision):
    rgb = np.asarray(colour, float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(vision) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.asarray(to_xyz) @ linear / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("n", [2, 6, 7, 18, 20])
@pytest.mark.parametrize("lightening", [0, LIGHTENING], ids=["light", "dark"])
@pytest.mark.parametrize("eyes", VISION)
def test_colours_of_families_differ_for_the_colour_blind(n, lightening, eyes):
    models = pd.DataFrame({"model": range(n), "family": [f"{k} %" for k in range(n)]})
    colours = model_styles(models).families
    lightened = [np.array(c[:3]) + lightening * (1 - np.array(c[:3])) for c in colours.values()]
    seen = [lab(colour, VISION[eyes]) for colour in lightened]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(apart) > 6  # 2 is a just noticeable difference
