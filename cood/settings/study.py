"""All settings of a study, and whether they fit together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, model_validator

from cood import vocabulary as words
from cood.errors import StudyError, unknown
from cood.paths import Paths, project_root
from cood.settings.base import Name, Settings, Share, WordList
from cood.settings.image_encoders import (
    ImageEncoderSettings,
    ImageEncoderTraining,
    PublishedImageEncoder,
    UntrainedImageEncoder,
)
from cood.settings.models import Checkpoint, FactorTraining, Model, NullModel, Training
from cood.settings.sets import DiffusionSet, FactorSet, IconSet, IdSet, ImageSet
from cood.settings.stages import (
    BASELINES,
    CAUSAL,
    FACTORS,
    NEUTRAL,
    NOVELTY,
    OF_TRAINING,
    Corpus,
    DimensionSwap,
    Evaluation,
    Interventions,
    NearDuplicates,
    RepresentationMetrics,
    Retrieval,
    Verification,
)


class Study(Settings):
    """All settings of one study; see `workflow/studies/` for commented examples."""

    name: Name
    seed: Annotated[int, Field(ge=0)]
    vocabulary: WordList
    held_out: Share
    sets: Annotated[dict[Name, ImageSet], Field(min_length=1)]
    id_sets: dict[Name, IdSet] = Field(default_factory=dict)
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    image_encoders: dict[Name, ImageEncoderSettings] = Field(default_factory=dict)
    null_models: dict[Name, NullModel] = Field(default_factory=dict)
    factor_sets: dict[Name, FactorSet] = Field(default_factory=dict)
    factor_models: dict[Name, FactorTraining] = Field(default_factory=dict)
    corpora: dict[Name, Corpus] = Field(default_factory=dict)
    near_duplicates: NearDuplicates | None = None
    verification: Verification | None = None
    evaluation: Evaluation = Evaluation()
    retrieval: Retrieval = Retrieval()
    dimension_swap: DimensionSwap = DimensionSwap()
    representation_metrics: RepresentationMetrics = RepresentationMetrics()
    interventions: Interventions | None = None
    notebooks: dict[Name, dict[str, Any]]
    _file: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        self.words  # noqa: B018  refuses repeated names
        if BASELINES in self.models:
            raise ValueError(
                f"models.{BASELINES}: that name is taken by the baselines; use another"
            )
        for attribute in self.vocabulary.attributes:
            if attribute not in words.CATEGORY:
                raise ValueError(
                    f"vocabulary.attributes: {unknown('attribute', attribute, words.CATEGORY)}"
                )
        first = next(iter(self.sets.values()))
        if self.trained and not isinstance(first, IconSet):
            raise ValueError(
                f"models.{next(iter(self.trained))}: it would be trained on drawings like those of "
                f"the first set, whose source is {first.source!r}; put one of icons first"
            )
        for name, model in self.trained.items():
            self._check_share(f"models.{name}", model.share, self.words)
        self._check_checkpoints()
        self._check_image_encoders()
        self._check_factors()
        self._check_corpora()
        self._check_near_duplicates()
        if CAUSAL in self.notebooks and self.interventions is None:
            raise ValueError(
                f"notebooks.{CAUSAL}: it shows edits of embeddings, and the study asks for none; "
                "add `interventions: {}` or leave the notebook out"
            )
        for name in OF_TRAINING:
            if name in self.notebooks and not self.trained:
                raise ValueError(
                    f"notebooks.{name}: it shows models that are trained here, of which the study "
                    "has none; leave the notebook out"
                )
        self._check_verification()
        return self

    def _check_share(self, where: str, share: float, of: words.Vocabulary) -> None:
        seen = 1 - self.held_out
        cover = max(len(of.attributes), len(of.objects))
        if share > seen + 1e-9:
            raise ValueError(
                f"{where}.share: {share} is more than the {seen:g} of the "
                f"compositions that held_out = {self.held_out} leaves"
            )
        if round(share * of.size) < cover:
            raise ValueError(
                f"{where}.share: {share} of {of.size} compositions is too "
                f"few to show every attribute and object; at least {cover} are needed"
            )

    def _check_checkpoints(self) -> None:
        first: dict[str, str] = {}
        for name, model in self.models.items():
            if not isinstance(model, Checkpoint):
                continue
            other = first.setdefault(model.known_as, name)
            if other != name:
                same = model.known_as
                if model.checkpoint != same:
                    same = f"{model.checkpoint}, the weights of {same},"
                raise ValueError(f"models.{name}: {same} is models.{other} already; name it once")

    def _check_image_encoders(self) -> None:
        first = next(iter(self.sets.values()))
        for name, tower in self.trained_image_encoders.items():
            if not isinstance(first, IconSet):
                raise ValueError(
                    f"image_encoders.{name}: it would be trained on drawings like those of the first "
                    f"set, whose source is {first.source!r}; put one of icons first"
                )
            self._check_share(f"image_encoders.{name}", tower.share, self.words)

    def _check_factors(self) -> None:
        taken_models = {**self.models, BASELINES: None}
        for kind, names, taken in (
            ("id_sets", self.id_sets, self.sets),
            ("factor_sets", self.factor_sets, {**self.sets, **self.id_sets}),
            ("image_encoders", self.image_encoders, taken_models),
            ("null_models", self.null_models, {**taken_models, **self.image_encoders}),
            (
                "factor_models",
                self.factor_models,
                {**taken_models, **self.null_models, **self.image_encoders},
            ),
        ):
            for name in names:
                if name in taken:
                    raise ValueError(f"{kind}.{name}: that name is taken; use another")
        for name, model in self.factor_models.items():
            where = f"factor_models.{name}"
            if model.set not in self.factor_sets:
                raise ValueError(
                    f"{where}.set: {unknown('factor set', model.set, self.factor_sets)}"
                )
            set_ = self.factor_sets[model.set]
            self._check_share(where, model.share, set_.table.pair_words)
            left = round(model.share * set_.table.size) - set_.images
            if model.images > left:
                raise ValueError(
                    f"{where}.images: {model.images} is more than the {left} scenes that its "
                    "share surely holds beside those of the set"
                )
        if FACTORS in self.notebooks and not self.factor_sets:
            raise ValueError(
                f"notebooks.{FACTORS}: it shows factor_sets, of which the study has none; "
                "add them or leave the notebook out"
            )

    def _check_corpora(self) -> None:
        for name, corpus in self.corpora.items():
            if corpus.model is not None and corpus.model not in self.trained:
                known = unknown("trained model", corpus.model, self.trained)
                raise ValueError(f"corpora.{name}.model: {known}")
        if NOVELTY in self.notebooks and not self.corpora:
            raise ValueError(
                f"notebooks.{NOVELTY}: it shows corpora, of which the study has none; "
                "add them or leave the notebook out"
            )

    def _check_near_duplicates(self) -> None:
        if self.near_duplicates is None:
            return
        known = self.models if self.near_duplicates.references else self.trained
        if self.near_duplicates.model not in known:
            kind = "model" if self.near_duplicates.references else "trained model"
            named = unknown(kind, self.near_duplicates.model, known)
            hint = "" if self.near_duplicates.references else "; others need references"
            raise ValueError(f"near_duplicates.model: {named}{hint}")

    def _check_verification(self) -> None:
        asked = self.verification
        if asked is None:
            return
        for name in asked.sets:
            if name not in self.sets:
                raise ValueError(f"verification.sets: {unknown('set', name, self.sets)}")
        if asked.clip is not None and asked.clip not in self.models:
            raise ValueError(f"verification.clip: {unknown('model', asked.clip, self.models)}")

    @property
    def words(self) -> words.Vocabulary:
        """The vocabulary, with ids."""
        return words.Vocabulary(tuple(self.vocabulary.attributes), tuple(self.vocabulary.objects))

    @property
    def trained(self) -> dict[str, Training]:
        """The models that are trained here."""
        return {n: m for n, m in self.models.items() if isinstance(m, Training)}

    @property
    def own_image_encoders(self) -> dict[str, ImageEncoderTraining | UntrainedImageEncoder]:
        """The image-only towers that are made here."""
        return {
            n: t for n, t in self.image_encoders.items() if not isinstance(t, PublishedImageEncoder)
        }

    @property
    def trained_image_encoders(self) -> dict[str, ImageEncoderTraining]:
        """The image-only towers that are trained here."""
        return {n: t for n, t in self.image_encoders.items() if isinstance(t, ImageEncoderTraining)}

    @property
    def probed(self) -> list[str]:
        """Models and towers that linear probes read: none if there is no image-only tower."""
        return [*self.models, *self.image_encoders] if self.image_encoders else []

    @property
    def embedded(self) -> dict[str, Training | Checkpoint | NullModel]:
        """All that is embedded, scored and measured: the models, and the untrained ones."""
        return {**self.models, **self.null_models}

    @property
    def ablations(self) -> dict[str, list[str]]:
        """By name, the templates that compositions are read with once more.

        Those of the study file, and, where some of the usual templates name an attribute,
        `NEUTRAL`: the others.
        """
        usual = self.evaluation.templates
        naming = words.naming(usual, self.vocabulary.attributes)
        others = [t for t in usual if not any(t in named for named in naming.values())]
        return self.evaluation.ablations | ({NEUTRAL: others} if naming and others else {})

    @property
    def generated(self) -> dict[str, DiffusionSet]:
        """The sets that a text-to-image pipeline makes."""
        return {n: s for n, s in self.sets.items() if isinstance(s, DiffusionSet)}

    @property
    def drawn(self) -> dict[str, IconSet]:
        """The sets that are drawn with icons."""
        return {n: s for n, s in self.sets.items() if isinstance(s, IconSet)}

    @property
    def all_models(self) -> list[str]:
        """Names of all that embeds: models, null models, image-only encoders, factor models."""
        return [*self.embedded, *self.image_encoders, *self.factor_models]

    def sets_of(self, model: str) -> list[str]:
        """Names of the sets that a model embeds; an unknown name raises a StudyError.

        All of `sets` and `id_sets`, and for a model of `models` the factor sets too; for a model
        trained on a factor set, that one only.
        """
        if model in self.factor_models:
            return [self.factor_models[model].set]
        if model not in self.all_models:
            raise StudyError(unknown("model", model, self.all_models))
        factor_sets = self.factor_sets if model in self.models else ()
        return [*self.sets, *self.id_sets, *factor_sets]

    def shard_names(self, name: str) -> list[str]:
        """Shards of a generated set: ``0``, ... of compositions, ``isolated-0``, ... of words."""
        words = self.words
        of_compositions, of_words = self.generated_set(name).shards(
            words.size, len(words.attributes) + len(words.objects)
        )
        return [*map(str, range(of_compositions)), *(f"isolated-{k}" for k in range(of_words))]

    def model(self, name: str) -> Training | Checkpoint:
        """The settings of one model; an unknown name raises a StudyError."""
        if name not in self.models:
            raise StudyError(unknown("model", name, self.models))
        return self.models[name]

    def tower(
        self, name: str
    ) -> ImageEncoderTraining | UntrainedImageEncoder | PublishedImageEncoder:
        """The settings of one image-only tower; an unknown name raises a StudyError."""
        if name not in self.image_encoders:
            raise StudyError(unknown("image-only tower", name, self.image_encoders))
        return self.image_encoders[name]

    def embedded_model(self, name: str) -> Training | Checkpoint | NullModel:
        """The settings of one model, trained or not; an unknown name raises a StudyError."""
        if name not in self.embedded:
            raise StudyError(unknown("model", name, self.embedded))
        return self.embedded[name]

    def set(self, name: str) -> ImageSet:
        """The settings of one set; an unknown name raises a StudyError."""
        if name not in self.sets:
            raise StudyError(unknown("set", name, self.sets))
        return self.sets[name]

    def set_or_id_set(self, name: str) -> ImageSet | IdSet:
        """The settings of one of `sets` or `id_sets`; an unknown name raises a StudyError."""
        known: dict[str, ImageSet | IdSet] = {**self.sets, **self.id_sets}
        if name not in known:
            raise StudyError(unknown("set", name, known))
        return known[name]

    def drawings(self, name: str | None = None) -> IconSet:
        """The settings of a set of drawings; by default of the first set, which models train on."""
        name = next(iter(self.sets)) if name is None else name
        settings = self.set(name)
        if not isinstance(settings, IconSet):
            raise StudyError(f"set {name!r} is not drawn: its source is {settings.source!r}")
        return settings

    def generated_set(self, name: str) -> DiffusionSet:
        """The settings of a set that a text-to-image pipeline makes."""
        if name not in self.generated:
            raise StudyError(unknown("generated set", name, self.generated))
        return self.generated[name]

    def verified(self, name: str) -> Verification:
        """The settings of the verification of a set; a StudyError if it is not verified."""
        self.set(name)
        if self.verification is None or name not in self.verification.sets:
            raise StudyError(
                f"set {name!r} is not verified; name a model and the set under verification: in "
                "the study file"
            )
        return self.verification

    def table(self, set_: str) -> Path:
        """What lists the images of a set, with those that are kept: verified, if it is."""
        if self.verification is not None and set_ in self.verification.sets:
            return self.paths.verified(set_)
        return self.paths.manifest(set_)

    def factor_set(self, name: str) -> FactorSet:
        """The settings of one factor set; an unknown name raises a StudyError."""
        if name not in self.factor_sets:
            raise StudyError(unknown("factor set", name, self.factor_sets))
        return self.factor_sets[name]

    def factor_model(self, name: str) -> FactorTraining:
        """The settings of a model trained on a factor set; an unknown name is a StudyError."""
        if name not in self.factor_models:
            raise StudyError(unknown("factor model", name, self.factor_models))
        return self.factor_models[name]

    def corpus(self, name: str) -> Corpus:
        """The settings of one corpus; an unknown name raises a StudyError."""
        if name not in self.corpora:
            raise StudyError(unknown("corpus", name, self.corpora))
        return self.corpora[name]

    def factor_sets_of(self, model: str) -> list[str]:
        """Factor sets that a model is tested on: its own, or all for a model of `models`."""
        if model in self.factor_models:
            return [self.factor_models[model].set]
        self.model(model)
        return list(self.factor_sets)

    @property
    def file(self) -> Path:
        """The file that it was read from."""
        return self._file

    @property
    def paths(self) -> Paths:
        """Where the artefacts lie."""
        return Paths(project_root(), self.name)
