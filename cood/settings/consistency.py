"""Whether the sections of a study fit together; each check raises a ValueError with the place."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cood.errors import unknown
from cood.settings.curation import Corpus, NearDuplicates, Verification
from cood.settings.evaluation import BASELINES
from cood.settings.image_encoders import ImageEncoderTraining
from cood.settings.models import (
    LEAST_DRAWINGS,
    Checkpoint,
    FactorTraining,
    Model,
    Schedule,
    Training,
)
from cood.settings.sets import FactorSet, IconSet, ImageSet
from cood.vocabulary import CATEGORY, Vocabulary

# What each notebook shows that not every study has: an attribute of `Study`, and what it is.
NOTEBOOK_NEEDS: dict[str, tuple[str, str]] = {
    "factor_sets": (
        "on_factor_sets",
        "a section `factor_sets`, and `factor_models`, `factor_design` or a checkpoint",
    ),
    "novelty": ("corpora", "a section `corpora`"),
    "interventions": ("interventions", "a section `interventions` (it may be `{}`)"),
    "design": ("design", "a section `design`"),
    "diversity": ("trained", "a model that is trained here"),
    "training_dynamics": ("trained", "a model that is trained here"),
}
# Sections whose names become names of files in the same folders.
SHARED_NAMES = (
    ("sets", "id_sets", "factor_sets"),
    ("models", "image_encoders", "null_models", "factor_models"),
)
PARTNERS = 2  # with how many others each word occurs at least in what a model is trained on


def check_names(names: Mapping[str, Mapping[str, Collection[str]]]) -> None:
    """Check that no two entries of sections that share folders have files of the same name.

    Parameters
    ----------
    names
        By section of `SHARED_NAMES` and entry, the names of its files.
    """
    for sections in SHARED_NAMES:
        taken = {BASELINES: "the baselines"} if "models" in sections else {}
        entries = ((section, *entry) for section in sections for entry in names[section].items())
        for section, entry, files in entries:
            for name in files:
                if name in taken:
                    what = "that name" if name == entry else f"the name of its file {name}"
                    raise ValueError(
                        f"{section}.{entry}: {what} is taken by {taken[name]}; use another"
                    )
                taken[name] = f"{section}.{entry}"


def check_drawn_words(sets: Mapping[str, ImageSet], words: Vocabulary) -> None:
    """Check that attributes can be drawn, if a set is drawn; objects are checked by the fonts."""
    drawn = next((name for name, set_ in sets.items() if isinstance(set_, IconSet)), None)
    for name in words.attributes:
        if drawn is not None and name not in CATEGORY:
            hint = unknown("attribute", name, CATEGORY)
            raise ValueError(f"vocabulary.attributes: {hint} (the set {drawn!r} is drawn)")


def check_share(
    where: str, settings: Schedule, core: float, words: Vocabulary, partners: int
) -> int:
    """Check that a share of the compositions shows every word, and return how many they are.

    `partners` is with how many others each word occurs at least.
    """
    outside = words.size - round(core * words.size)
    compositions = round(settings.share * outside)
    cover = partners * max(len(words.attributes), len(words.objects))
    if compositions < cover:
        raise ValueError(
            f"{where}.share: {settings.share} of the {outside} compositions outside the core is "
            f"too few to show every attribute and object with {partners} others; at least {cover} "
            "are needed"
        )
    return compositions


def check_training(
    training: Mapping[str, Training | ImageEncoderTraining],
    sets: Mapping[str, ImageSet],
    core: float,
    words: Vocabulary,
) -> None:
    """Check that drawings to train on can be made; `training` has places as its keys."""
    first = next(iter(sets.values()))
    for where, settings in training.items():
        if not isinstance(first, IconSet):
            raise ValueError(
                f"{where}: it is trained on drawings like those of the first set, whose source is "
                f"{first.source!r}; put a set of icons first"
            )
        compositions = check_share(where, settings, core, words, PARTNERS)
        if settings.images < LEAST_DRAWINGS * compositions:
            raise ValueError(
                f"{where}.images: {settings.images} is too few for {LEAST_DRAWINGS} drawings of "
                f"each of the {compositions} compositions that it sees"
            )


def check_checkpoints(models: Mapping[str, Model]) -> None:
    """Check that no two models have the same published weights."""
    first: dict[str, str] = {}
    for name, model in models.items():
        if not isinstance(model, Checkpoint):
            continue
        other = first.setdefault(model.catalogue_name, name)
        if other != name:
            same = model.catalogue_name
            if model.checkpoint != same:
                same = f"{model.checkpoint}, the weights of {same},"
            raise ValueError(f"models.{name}: {same} is models.{other} already; name it once")


def check_factor_models(
    models: Mapping[str, FactorTraining], sets: Mapping[str, FactorSet], core: float
) -> None:
    """Check that every factor model has a set with enough scenes to train on."""
    for name, model in models.items():
        where = f"factor_models.{name}"
        if model.set not in sets:
            raise ValueError(f"{where}.set: {unknown('factor set', model.set, sets)}")
        set_ = sets[model.set]
        seen = check_share(where, model, core, set_.table.pair_words, 1)
        # At worst, every image of the set shows a composition that the model may see.
        each = set_.table.size // set_.table.pair_words.size
        left = seen * each - set_.images
        if model.images > left:
            raise ValueError(
                f"{where}.images: {model.images} is more than the {left} scenes that its share of "
                "the compositions has apart from the images of the set"
            )


def check_corpora(corpora: Mapping[str, Corpus], trained: Mapping[str, Training]) -> None:
    """Check that every corpus of a model names one that is trained here."""
    for name, corpus in corpora.items():
        if corpus.model is not None and corpus.model not in trained:
            hint = unknown("trained model", corpus.model, trained)
            raise ValueError(f"corpora.{name}.model: {hint}")


def check_near_duplicates(
    settings: NearDuplicates | None,
    models: Mapping[str, Model],
    trained: Mapping[str, Training],
) -> None:
    """Check that the embeddings of training images can be had."""
    if settings is None:
        return
    if settings.references and settings.model not in models:
        raise ValueError(f"near_duplicates.model: {unknown('model', settings.model, models)}")
    if not settings.references and settings.model not in trained:
        hint = unknown("trained model", settings.model, trained)
        raise ValueError(f"near_duplicates.model: {hint}; other models need references")


def check_verification(
    settings: Verification | None, sets: Mapping[str, ImageSet], models: Mapping[str, Model]
) -> None:
    """Check that the sets and the model that the verification names exist."""
    if settings is None:
        return
    for name in settings.sets:
        if name not in sets:
            raise ValueError(f"verification.sets: {unknown('set', name, sets)}")
    if settings.clip is not None and settings.clip not in models:
        raise ValueError(f"verification.clip: {unknown('model', settings.clip, models)}")


def check_notebooks(notebooks: Collection[str], needs: Mapping[str, object]) -> None:
    """Check that the study has what its notebooks show.

    Parameters
    ----------
    notebooks
        Names of the notebooks of the study.
    needs
        The attributes of the study that `NOTEBOOK_NEEDS` names.
    """
    for name in notebooks:
        if name in NOTEBOOK_NEEDS:
            attribute, need = NOTEBOOK_NEEDS[name]
            if not needs[attribute]:
                raise ValueError(
                    f"notebooks.{name}: it needs {need}, and the study has none; add one or leave "
                    "the notebook out"
                )
