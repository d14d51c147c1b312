"""How much work the jobs of a study are: counted from its file, and from tables that are there."""

from __future__ import annotations

from functools import lru_cache
from math import nan, prod
from pathlib import Path

from cood.evaluation.accuracy.retrieval import FORMS
from cood.evaluation.interventions.subset_discriminant import RULES
from cood.files import damage, read_table
from cood.pipeline import cost_model
from cood.settings import DiffusionSet, FolderSet, IconSet, IdSet, ReleaseSet
from cood.settings.study_file import Study
from cood.synthesis.external.source_files import files_in, source_path
from cood.synthesis.manifests import KEPT

# Dimension swap: three divisions of the codes. In each, texts are ranked for the codes as they are,
# for those of the other and for those exchanged: in three bases by each rule, two exchanges with
# their controls.
SWAP_RANKINGS = 3 * (3 + 3 * len(RULES) * 2 * 2)
# Dimensions are ranked in three bases by each rule and at random; numbers of them that are tried
# grow by the same factor to the width, and are about three times the width in all.
SELECTIONS = 3 * (len(RULES) + 1)
STEPS_FACTOR = 3


def images_made(study: Study, set_: str) -> tuple[float, float]:
    """Images of compositions and of isolated words that a set makes; NaN if nothing says how many.

    Of a folder, the image files in it.
    """
    settings, words = study.set(set_), study.words
    if isinstance(settings, FolderSet):
        return in_folder(study, settings)[0], 0
    if not isinstance(settings, IconSet | DiffusionSet):
        return nan, 0
    isolated = settings.isolated_images * (len(words.attributes) + len(words.objects))
    return words.size * settings.images_per_composition, isolated


def images_kept(study: Study, set_: str) -> float:
    """Images of compositions of a set that models embed; NaN if nothing says how many.

    Counted if the table is there. Before, verification is taken to keep `cost_model.KEPT` of what
    is made, and the public release to hold `cost_model.RELEASE_IMAGES`.
    """
    table = study.table(set_)
    if table.is_file():
        kept = _kept(table, table.stat().st_mtime_ns)
        if kept is not None:
            return kept
    if isinstance(study.set_or_id_set(set_), ReleaseSet):
        return cost_model.RELEASE_IMAGES
    if set_ in study.id_sets:
        return in_folder(study, study.id_sets[set_])[0]
    verified = table != study.paths.manifest(set_)
    return images_made(study, set_)[0] * (cost_model.KEPT if verified else 1)


def in_folder(study: Study, settings: FolderSet | IdSet) -> tuple[float, float]:
    """Number of image files, and of folders that hold some, of an imported set; NaN without it."""
    folder = source_path(study, settings)
    return _counted(folder, folder.stat().st_mtime_ns) if folder.is_dir() else (nan, nan)


@lru_cache
def _counted(folder: Path, changed: int) -> tuple[float, float]:
    """The same of a folder as it is since it was changed: jobs of all models ask for it."""
    listed = files_in(folder)
    images = listed[listed["status"] == KEPT]
    return float(len(images)), float(images["label"].nunique())


@lru_cache
def _kept(table: Path, changed: int) -> float | None:
    """Rows of kept images of a table, as it is since it was changed; None if it is damaged."""
    return None if damage(table) else float((read_table(table)["status"] == KEPT).sum())


def images_embedded(study: Study, set_: str) -> float:
    """Images of a set that a CLIP embeds: those that are kept, and those of isolated words."""
    if set_ in study.factor_sets:
        return study.factor_sets[set_].images
    return images_kept(study, set_) + (images_made(study, set_)[1] if set_ in study.sets else 0)


def scored(study: Study) -> float:
    """Images of compositions in all sets, of which models are scored."""
    return sum(images_kept(study, set_) for set_ in study.sets)


def prompts(study: Study, model: str) -> float:
    """Prompts that a CLIP reads: of the vocabulary, the classes of ID sets, and factor sets."""
    total, usual = 0.0, study.evaluation.templates
    if model in study.embedded:
        words = study.words
        more = {t for other in study.ablations.values() for t in other if t not in usual}
        alone = len(words.attributes) + len(words.objects)
        total += (words.size + alone) * len(usual) + words.size * len(more)
        total += sum(_classes(study, set_) * len(usual) for set_ in study.id_sets)
    factor_sets = set(study.sets_of(model)) & set(study.factor_sets)
    return total + sum(_captions(study, set_) for set_ in factor_sets)


def _classes(study: Study, id_set: str) -> float:
    table = study.table(id_set)
    if not table.is_file() or damage(table):
        return in_folder(study, study.id_sets[id_set])[1]
    listed = read_table(table)
    return float(listed.loc[listed["status"] == KEPT, "class"].nunique())


def _captions(study: Study, factor_set: str) -> float:
    """Captions of the images, and those that are averaged into the texts of the classes."""
    table = study.factor_sets[factor_set].table
    sizes = {factor.name: len(factor.vocabulary) for factor in table.factors}
    classes = prod(sizes[name] for name in table.pair) + sum(sizes.values())
    return study.factor_sets[factor_set].images + cost_model.CONTEXTS * classes


def texts_stored(study: Study) -> float:
    """Texts whose embeddings are stored with each set."""
    words = study.words
    return words.size * (1 + len(study.ablations)) + len(words.attributes) + len(words.objects)


def similarities_of_accuracy(study: Study, model: str) -> float:
    """Similarities of images with texts, and of queries with images, that accuracy needs."""
    total, words = 0.0, study.words
    for set_ in study.sets:
        images = images_kept(study, set_)
        total += images * texts_stored(study)
        total += images * min(images, words.size)  # once more among those that have an image
        if model in study.models:
            total += len(FORMS) * study.retrieval.samples * images
    return total


def similarities_of_edits(study: Study) -> float:
    """Similarities of edited images with all texts; an upper bound."""
    edits = study.interventions
    if edits is None:
        return 0.0
    images = sum(min(images_kept(study, set_), edits.samples) for set_ in study.sets)
    return images * edits.rankings * study.words.size


def similarities_of_swaps(study: Study) -> float:
    """Similarities of exchanged codes with all texts; an upper bound."""
    return len(study.sets) * SWAP_RANKINGS * study.dimension_swap.samples * study.words.size


def numbers_of_metrics(study: Study, model: str, width: float) -> float:
    """Numbers of all codes, of this width, that metrics of disentanglement are computed of.

    Those of the images and of the texts: as they are, without each fold, under each null, in the
    basis of the words with a shuffle of its own, and projected.
    """
    settings, words = study.representation_metrics, study.words
    basis = len(words.attributes) + len(words.objects)
    each = width * (settings.folds + 2 * settings.repeats) + min(settings.dimensions, width)
    each += 2 * basis
    splits = len(settings.splits) if model in study.trained else 1  # else they are all the same
    each *= splits
    if settings.fixed_width is not None:
        each += 2 * min(settings.fixed_width, width)
    return each * sum(images_kept(study, set_) + words.size for set_ in study.sets)


def numbers_of_edits(study: Study, width: float) -> float:
    """Numbers of the edited codes that metrics are computed of; an upper bound."""
    edits = study.interventions
    return 0.0 if edits is None else len(study.sets) * edits.samples * width * edits.rankings


def products_of_swaps(study: Study, width: float) -> float:
    """Multiplications of held-out codes with words, for the dimensions that are needed."""
    words = study.words
    codes = sum(images_kept(study, set_) + words.size / 2 for set_ in study.sets)
    dimensions = width * STEPS_FACTOR
    return codes * (len(words.attributes) + len(words.objects)) * dimensions * SELECTIONS
