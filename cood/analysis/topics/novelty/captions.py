"""Compositions that no caption of a corpus names, by each matching rule."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from cood.curation.caption_search.word_forms import RULES
from cood.errors import StudyError
from cood.files import read_table
from cood.metrics.captions import dependence
from cood.settings.study_file import Study
from cood.splits import seen

EDGES = (1, 10, 100, 1000)  # of the classes of counts
MOST = 10**9  # largest population that NumPy samples from without replacement
SHOWN = 5  # unreadable files that a sentence lists


def load_hits(study: Study) -> pd.DataFrame:
    """A row for each corpus, rule and composition: `corpus`, `attribute`, `object`, `rule`, ....

    `count` is the number of captions, `examples` up to three of them. A corpus of which no caption
    could be read is left out; see `load_files`.

    Raises
    ------
    StudyError
        If no caption of any corpus could be read.
    """
    files = load_files(study)
    captions = files.groupby("corpus", sort=False)["captions"].sum()
    tables = [
        read_table(study.paths.caption_hits(name)).assign(corpus=name)
        for name in captions[captions > 0].index
    ]
    if not tables:
        raise StudyError(
            f"no caption of {', '.join(study.corpora)} could be read; the first file: "
            f"{files['file'].iloc[0]} {files['problem'].iloc[0]}; see corpora: in the study file"
        )
    return pd.concat(tables, ignore_index=True)


def load_files(study: Study) -> pd.DataFrame:
    """A row for each file of a corpus: `corpus`, `file`, `captions`, ..., `problem`."""
    tables = [
        read_table(study.paths.caption_files(name)).assign(corpus=name) for name in study.corpora
    ]
    return pd.concat(tables, ignore_index=True)


def is_skipped(files: pd.DataFrame) -> pd.Series:
    """Which files of `load_files` count nothing: those that could not be read to their end."""
    return (files["problem"] != "") & (files["unparsed"] == 0)


def corpora(files: pd.DataFrame) -> pd.DataFrame:
    """A row a corpus: files that were read and skipped, captions, and rows without a caption.

    The last column counts the rows that did not parse.
    """
    rows = []
    for name, own in files.groupby("corpus", sort=False):
        skipped = is_skipped(own)
        rows.append(
            {
                "corpus": name,
                "files": int((~skipped).sum()),
                "skipped files": int(skipped.sum()),
                "captions": int(own["captions"].sum()),
                "rows without a caption": int(own["empty"].sum()),
                "rows that did not parse": int(own["unparsed"].sum()),
            }
        )
    return pd.DataFrame(rows)


def novel_shares(hits: pd.DataFrame) -> pd.DataFrame:
    """Share of the compositions without a caption, corpora by rules; the last row pools them."""
    new = hits["count"] == 0
    table = new.groupby([hits["corpus"], hits["rule"]], sort=False).mean().unstack()
    pair = ["attribute", "object", "rule"]
    everywhere = hits.groupby(pair, sort=False)["count"].sum().reset_index()
    table.loc["all corpora"] = (everywhere["count"] == 0).groupby(everywhere["rule"]).mean()
    return table[list(RULES)]


def count_classes(hits: pd.DataFrame) -> pd.DataFrame:
    """Share of the compositions by how many captions name them, corpora and rules by classes."""
    names = ["0", *(f"{a} to {b - 1}" for a, b in pairwise(EDGES))]
    names.append(f"{EDGES[-1]} or more")
    classes = pd.Categorical.from_codes(np.digitize(hits["count"], EDGES), names)
    label = hits["corpus"] + ", " + hits["rule"]
    return pd.crosstab(label, classes, normalize="index").reindex(label.unique())


def held_out_check(study: Study, hits: pd.DataFrame) -> pd.DataFrame:
    """For corpora of a model: compositions that it was not trained on, and how many have captions.

    By construction no caption of a model names such a composition, so `strict` and `adjacent` must
    find none; every match of `faithful` is a false positive.
    """
    rows = []
    for name, own in hits.groupby("corpus", sort=False):
        model = study.corpora[str(name)].model
        if model is None:
            continue
        trained_on = seen(study, study.trained[model])
        for rule, table in own.groupby("rule", sort=False):
            ids = study.words.ids(table["attribute"], table["object"])
            unseen = table[~np.isin(ids, trained_on)]
            rows.append((name, rule, len(unseen), int((unseen["count"] > 0).sum())))
    return pd.DataFrame(rows, columns=["corpus", "rule", "not trained on", "with captions"])


def caption_dependence(hits: pd.DataFrame, seed: int) -> pd.DataFrame:
    """NMI of attribute and object by corpus and rule, in each form, and at one size.

    `pairs` counts captions, once for each pair that they name. `equal_size` is the geometric form
    for a random sample of as many as the smallest corpus has by the same rule. The faithful rule is
    left out, as it does not match whole names.
    """
    rows = []
    for rule in RULES[1:]:
        tables = {
            name: own.pivot(index="attribute", columns="object", values="count").to_numpy()
            for name, own in hits[hits["rule"] == rule].groupby("corpus", sort=False)
        }
        size = min(int(counts.sum()) for counts in tables.values())
        for name, counts in tables.items():
            nmi = dependence(counts)
            rows.append(
                {
                    "corpus": name,
                    "rule": rule,
                    "pairs": nmi.n,
                    "information": nmi.information,
                    "geometric": nmi.geometric,
                    "arithmetic": nmi.arithmetic,
                    "corrected": nmi.corrected,
                    "equal_size": dependence(subsample(counts, size, seed)).geometric,
                }
            )
    return pd.DataFrame(rows)


def subsample(counts: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Random sample of `size` of the items counted in `counts`, as counts of the same shape.

    Without replacement; with replacement for more than a billion items, where it does not matter.
    """
    rng = np.random.default_rng(seed)
    flat = counts.ravel().astype(np.int64)
    if flat.sum() < MOST:
        drawn = rng.multivariate_hypergeometric(flat, size, method="marginals")
    else:
        drawn = rng.multinomial(size, flat / flat.sum())
    return np.asarray(drawn).reshape(counts.shape)


def disagreements(hits: pd.DataFrame, rules: Sequence[str], n: int) -> pd.DataFrame:
    """Compositions with most captions by the first rule among those without any by the second.

    Up to n rows, one for each attribute. Columns: corpus, composition, both counts, a caption.
    """
    keys = ["corpus", "attribute", "object"]
    counts = hits.pivot(index=keys, columns="rule", values="count")
    first, second = rules
    differing = counts[(counts[second] == 0) & (counts[first] > 0)]
    differing = differing.sort_values(first, ascending=False, kind="stable")
    differing = differing.groupby("attribute", sort=False).head(1).head(n)
    own = hits[hits["rule"] == first].set_index(keys).loc[differing.index]
    table = differing[[first, second]].reset_index()
    table.insert(1, "composition", table.pop("attribute") + " " + table.pop("object"))
    return table.assign(caption=[examples[0] for examples in own["examples"]])
