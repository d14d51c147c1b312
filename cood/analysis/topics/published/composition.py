"""Tests of composition that MIEB made of published CLIPs, with ImageNet accuracy from OpenCLIP.

All of it is exploratory: the figures were seen before the statistics were chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.stats.correlation import correlate
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression import to_logit
from cood.analysis.topics.published.contrasts import mean_of
from cood.analysis.topics.published.families import SIZES, describe_data, family_of, image_tower
from cood.catalogue import checkpoints as catalogue
from cood.catalogue.published_accuracy import mieb, openclip

TESTS, RETRIEVAL = mieb.COMPOSITION, mieb.RETRIEVAL
OPENCLIP_ID, MIEB_ID = "ImageNet (OpenCLIP)", "ImageNet (MIEB)"
OBJECTS = "objects of ImageNet-AO v1"
CURATED, UNCURATED = "DataComp-XL", "LAION-2B"
WINOGROUND_EXAMPLES = 400
# Two images and two captions: both images right, and both captions right, of a model whose four
# similarities are in a random order (Thrush et al. 2022, arXiv:2204.03162).
WINOGROUND_CHANCE = 1 / 6


@dataclass(frozen=True)
class Association:
    """Pearson's correlation between logits, over published checkpoints; it is exploratory.

    Attributes
    ----------
    claim, outcome, measure
        The claim that it bears on, and what is correlated with what.
    plain, given_size, within
        The plain coefficient; the partial one given the logarithm of the number of parameters; and
        that of deviations from the mean of the family, empty where the measure does not vary
        within families. Families are units.
    spearman
        Spearman's plain coefficient.
    """

    claim: str
    outcome: str
    measure: str
    plain: Estimate
    given_size: Estimate
    within: Estimate
    spearman: Estimate


def composition_table() -> pd.DataFrame:
    """MIEB's dual encoders of the CLIP kind, joined to the catalogue and to OpenCLIP's table.

    Returns
    -------
    pandas.DataFrame
        Indexed by `model`, its name in MIEB: `revision`, `checkpoint` (in the catalogue, else
        empty), `architecture`, `set`, `pool`, `tower` and `family`; the sizes of `families.SIZES`,
        NaN where unknown; `imagenet`, ImageNet accuracy by OpenCLIP, and `imagenet_mieb`, by MIEB;
        the scores of `TESTS` and `RETRIEVAL`, between 0 and 1.
    """
    scores = (
        pd.read_csv(mieb.TABLE).set_index("model").rename(columns={"imagenet": "imagenet_mieb"})
    )
    facts = pd.DataFrame(
        {
            model: describe_checkpoint(known["checkpoint"])
            if "checkpoint" in known
            else _describe_unlisted(known)
            for model, known in mieb.dual_encoders().items()
        }
    ).T
    table = facts.join(scores).rename_axis("model").reset_index().set_index("model", drop=False)
    return table.rename_axis(None).infer_objects().assign(**table[list(SIZES)].astype(float))


def openclip_table() -> pd.DataFrame:
    """The working checkpoints of OpenCLIP's table, indexed by checkpoint.

    Columns are those of `composition_table` without the scores of MIEB.
    """
    names = openclip.imagenet_accuracy()
    table = pd.DataFrame({name: describe_checkpoint(name) for name in names}).T
    return table.infer_objects().assign(**table[[*SIZES, "imagenet"]].astype(float))


def describe_checkpoint(name: str) -> dict[str, object]:
    """Facts about a checkpoint of the catalogue, its family, and its accuracy by OpenCLIP."""
    facts = catalogue.facts(name)
    architecture = facts["architecture"].removesuffix("-quickgelu")
    data, tower = describe_data(facts["data"]), image_tower(architecture)
    return {
        "checkpoint": name,
        "architecture": architecture,
        "set": data["set"],
        "pool": data["pool"],
        "tower": tower,
        "family": family_of(data["pool"], tower),
        **{size: facts[size] for size in SIZES},
        "imagenet": openclip.imagenet_accuracy().get(name, np.nan),
    }


def _describe_unlisted(known: dict[str, str]) -> dict[str, object]:
    data, tower = describe_data(known["data"]), known["tower"]
    return {
        "checkpoint": "",
        "architecture": tower,
        "set": data["set"],
        "pool": data["pool"],
        "tower": tower,
        "family": family_of(data["pool"], tower),
    }


def associate(
    names: tuple[str, str, str],
    x: pd.Series,
    y: pd.Series,
    models: pd.DataFrame,
    *,
    seed: int,
    vary_within: bool = True,
) -> Association:
    """Correlate a measure with an outcome over published checkpoints.

    Parameters
    ----------
    names
        Claim, outcome and measure.
    x, y
        The measure and the outcome of each model, as logits or logarithms. Models that lack one
        are left out.
    models
        `family` and `parameters` of each model.
    seed
        As for `correlate`.
    vary_within
        Whether the measure varies within families.
    """
    families, size = models["family"], np.log2(models["parameters"])
    plain = correlate(x, y, families, seed=seed)
    given = correlate(x, y, families, given=size, seed=seed)
    within = Estimate()
    if vary_within:
        within = _within(x, y, families, seed)
    return Association(*names, plain.pearson, given.pearson, within, plain.spearman)


def _within(x: pd.Series, y: pd.Series, families: pd.Series, seed: int) -> Estimate:
    both = pd.concat([x, y, families], axis=1, keys=["x", "y", "family"]).dropna()
    both = both[both.groupby("family")["x"].transform("size") > 1]  # one model has no deviation
    if both.empty:
        return Estimate()
    centred = both[["x", "y"]] - both.groupby("family")[["x", "y"]].transform("mean")
    return correlate(centred["x"], centred["y"], both["family"], seed=seed).pearson


def id_associations(
    table: pd.DataFrame, objects: pd.DataFrame, *, seed: int
) -> dict[str, list[Association]]:
    """Claim C2: each test of composition, and the authors' objects, with ImageNet accuracy.

    Parameters
    ----------
    table, objects
        What `composition_table` and `accuracy_table.working` give.
    seed
        As for `correlate`.

    Returns
    -------
    dict
        By source of the ImageNet accuracy: `OPENCLIP_ID`, then `MIEB_ID` as a check. That of the
        authors' objects is the authors' own.
    """
    found = {
        source: [
            associate(
                ("C2", name, source),
                to_logit(table[column]),
                to_logit(table[test]),
                table,
                seed=seed,
            )
            for test, name in TESTS.items()
        ]
        for source, column in ((OPENCLIP_ID, "imagenet"), (MIEB_ID, "imagenet_mieb"))
    }
    x, y = to_logit(objects["id"]), to_logit(objects["ood"])
    names = ("C2", OBJECTS, "ImageNet (authors)")
    found[OPENCLIP_ID].append(associate(names, x, y, objects, seed=seed))
    return found


def size_associations(
    table: pd.DataFrame, objects: pd.DataFrame, *, seed: int
) -> list[Association]:
    """Claim C3: each test, and the authors' objects, with the size of the pre-training set.

    Parameters
    ----------
    table, objects
        What `composition_table` and `accuracy_table.working` give.
    seed
        As for `correlate`.
    """
    outcomes = [(name, table[test], table) for test, name in TESTS.items()]
    outcomes.append((OBJECTS, objects["ood"], objects))
    return [
        associate(
            ("C3", name, SIZES["pairs"]),
            np.log2(models["pairs"]),
            to_logit(score),
            models,
            seed=seed,
            vary_within=False,
        )
        for name, score, models in outcomes
    ]


def imagenet_size_associations(listed: pd.DataFrame, *, seed: int) -> list[Association]:
    """ImageNet accuracy with the sizes of models and training sets, over `openclip_table`.

    It is no test of composition, but the table has many more models than those that have one.
    """
    return [
        associate(
            ("C3, ID accuracy only", OPENCLIP_ID, title),
            np.log2(listed[size]),
            to_logit(listed["imagenet"]),
            listed,
            seed=seed,
            vary_within=size != "pairs",
        )
        for size, title in SIZES.items()
        if size != "parameters"
    ]


def retrieval_associations(table: pd.DataFrame, *, seed: int) -> list[Association]:
    """Claim C10: each test of composition with composed retrieval."""
    return [
        associate(
            ("C10", test_name, name),
            to_logit(table[score]),
            to_logit(table[test]),
            table,
            seed=seed,
        )
        for test, test_name in TESTS.items()
        for score, name in RETRIEVAL.items()
    ]


def curation_gain(table: pd.DataFrame, column: str) -> tuple[pd.DataFrame, Estimate]:
    """Curated minus uncurated pre-training data, in models of the same architecture.

    Parameters
    ----------
    table
        What `composition_table` gives.
    column
        A score between 0 and 1.

    Returns
    -------
    tuple
        The scores, a row an architecture and a column for `CURATED` and for `UNCURATED`; and the
        mean difference of logits with its t interval over architectures.
    """
    both = table[table["set"].isin([CURATED, UNCURATED])]
    grid = both.pivot(index="architecture", columns="set", values=column).dropna()
    gain = to_logit(grid[CURATED]) - to_logit(grid[UNCURATED])
    return grid, mean_of(gain.to_numpy())


def winoground_noise(table: pd.DataFrame) -> tuple[float, float, int]:
    """How far Winoground can tell models apart.

    Returns
    -------
    tuple
        The mean standard error of a score from the number of examples, the standard deviation over
        models, and the number of models above chance.
    """
    score = table["winoground"].dropna()
    error = np.sqrt((score * (1 - score) / WINOGROUND_EXAMPLES).mean())
    return float(error), float(score.std()), int((score > WINOGROUND_CHANCE).sum())
