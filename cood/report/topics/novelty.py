"""Whether compositions and images are new to a training set, as sentences."""

from __future__ import annotations

import pandas as pd

from cood.analysis.results import percent
from cood.analysis.topics.novelty.captions import is_skipped
from cood.settings.study_file import Study

MOST_FILES = 5  # that a sentence names
NO_COMPARISON = (
    "The study does not compare its images with training images (`near_duplicates:` in a study "
    "file)."
)


def has_public_corpus(study: Study) -> bool:
    """Whether a corpus is not that of a model that is trained here, so that novelty is unknown."""
    return any(corpus.model is None for corpus in study.corpora.values())


def describe_result(study: Study, shares: pd.DataFrame, check: pd.DataFrame, rule: str) -> str:
    """How many compositions are novel, as sentences.

    Parameters
    ----------
    study
        The study.
    shares, check
        What `novel_shares` and `held_out_check` of `cood.analysis.topics.novelty.captions` return.
    rule
        What the faithful rule is compared with.
    """
    if has_public_corpus(study):
        return (
            f"Of {study.words.size:,} compositions, {percent(shares['faithful'].iloc[-1])} are "
            f"novel in all corpora by the faithful rule, and {percent(shares[rule].iloc[-1])} by "
            f"the {rule} rule."
        )
    named = check[check["rule"] == rule]
    false = check.loc[check["rule"] == "faithful", "with captions"].sum()
    return (
        "The captions of the models are written here, so what is new to a model is known by "
        f"construction. The search agrees: of {named['not trained on'].sum():,} compositions that "
        f"a searched model was not trained on, the {rule} rule finds a caption for "
        f"{named['with captions'].sum():,}. The filter of the paper finds one for {false:,}; these "
        "are false matches."
    )


def describe_unread(files: pd.DataFrame) -> str:
    """Which caption files, or rows and columns of them, were not read, as sentences.

    `files` is what `cood.analysis.topics.novelty.captions.load_files` returns.
    """
    skipped = is_skipped(files)
    partly, several = files[files["unparsed"] > 0], files[files["others"] != ""]
    sentences = ["Every file was read to its end."]
    if skipped.any():
        sentences = [f"Skipped and not counted: {_named(files[skipped], 'problem')}."]
    if len(partly):
        sentences.append(f"Not all rows were read of {_named(partly, 'problem')}.")
    if len(several):
        named = several.assign(read=several["column"] + " was read, not " + several["others"])
        sentences.append(
            f"Some files have more columns that look like captions: {_named(named, 'read')}. A "
            "corpus names the column that is meant as `column`."
        )
    return " ".join(sentences)


def _named(files: pd.DataFrame, column: str) -> str:
    rows = files.head(MOST_FILES)[["corpus", "file", column]].itertuples(index=False)
    rest = len(files) - MOST_FILES
    more = [f"and {rest} more"] if rest > 0 else []
    return "; ".join([*(f"{corpus}: {file}: {text}" for corpus, file, text in rows), *more])


def describe_held_out_check(check: pd.DataFrame) -> str:
    """How many compositions that a model never saw each rule finds in its captions, as a sentence.

    `check` is what `cood.analysis.topics.novelty.captions.held_out_check` returns.
    """
    if check.empty:
        return "No corpus of this study is that of a model, so there is nothing to check against."
    parts = []
    for name, rows in check.groupby("corpus", sort=False):
        by_rule = zip(rows["with captions"], rows["rule"], strict=True)
        counts = [f"{count:,} by the {rule} rule" for count, rule in by_rule]
        parts.append(f"of the {rows['not trained on'].iloc[0]:,} of {name}, {', '.join(counts)}")
    return f"{'; '.join(parts)}."


def describe_comparison(study: Study, nearest: pd.DataFrame, references: pd.DataFrame) -> str:
    """What the images were compared with, and how to read the table, as sentences.

    Parameters
    ----------
    study
        The study.
    nearest, references
        What `load_nearest` and `load_references` of `cood.analysis.topics.novelty.near_duplicates`
        return.
    """
    settings = study.near_duplicates
    if settings is None:
        return NO_COMPARISON
    problems = [problem for problem in nearest["problem"].unique() if problem]
    if problems:
        return f"No image could be compared with {settings.model}: {problems[0]}."
    if settings.references is not None:
        sentences = [f"The references are training images embedded by {settings.model}."]
    else:
        sentences = [
            f"The references are the drawings that {settings.model} was trained on. Test drawings "
            "of the compositions that it was trained on should be more similar to them than test "
            "drawings of others."
        ]
    pairs = references[references["kind"] == "pairs"]
    if len(pairs):
        sentences.append(
            "The threshold for a duplicate is the lower of two: the similarity of altered copies, "
            f"and that of {pairs['used'].sum():,} pairs of images that are duplicates."
        )
    unusable = references[references["problem"] != ""]
    if len(unusable):
        first = unusable.iloc[0]
        sentences.append(
            f"{len(unusable)} of {len(references)} reference files had problems; the first, "
            f"`{first['file']}`: {first['problem']}."
        )
    return " ".join(sentences)
