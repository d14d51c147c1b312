"""All settings of a study, and whether they fit together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, PrivateAttr, model_validator

from cood import vocabulary as words
from cood.errors import StudyError, unknown
from cood.paths import Paths, project_root
from cood.settings.base import Name, Settings, Share, WordList
from cood.settings.consistency import (
    NOTEBOOK_NEEDS,
    SHARED_NAMES,
    check_checkpoints,
    check_corpora,
    check_drawn_words,
    check_factor_models,
    check_names,
    check_near_duplicates,
    check_notebooks,
    check_training,
    check_verification,
)
from cood.settings.curation import Corpus, NearDuplicates, Verification
from cood.settings.design import REPLICATE, Design
from cood.settings.evaluation import (
    NEUTRAL,
    DimensionSwap,
    Evaluation,
    Interventions,
    RepresentationMetrics,
    Retrieval,
)
from cood.settings.image_encoders import (
    ImageEncoderSettings,
    ImageEncoderTraining,
    PublishedImageEncoder,
    SavedImageEncoder,
    UntrainedImageEncoder,
    saved_names,
)
from cood.settings.models import Checkpoint, FactorTraining, Model, NullModel, Training
from cood.settings.sets import DiffusionSet, FactorSet, IconSet, IdSet, ImageSet

Entry = TypeVar("Entry")
EmbeddedImageEncoder = SavedImageEncoder | UntrainedImageEncoder | PublishedImageEncoder


class Study(Settings):
    """All settings of one study; see `workflow/studies/` for commented examples."""

    name: Name
    seed: Annotated[int, Field(ge=0)]
    vocabulary: WordList
    core: Share
    sets: Annotated[dict[Name, ImageSet], Field(min_length=1)]
    id_sets: dict[Name, IdSet] = Field(default_factory=dict)
    design: Design | None = None
    factor_design: Design | None = None
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    image_encoders: dict[Name, ImageEncoderSettings] = Field(default_factory=dict)
    null_models: dict[Name, NullModel] = Field(default_factory=dict)
    factor_sets: dict[Name, FactorSet] = Field(default_factory=dict)
    factor_models: dict[Name, FactorTraining] = Field(default_factory=dict)
    corpora: dict[Name, Corpus] = Field(default_factory=dict)
    near_duplicates: NearDuplicates | None = None
    verification: Verification | None = None
    precision: Literal["auto", "single", "half"] = "auto"  # of embedding; see embed.precision
    evaluation: Evaluation = Evaluation()
    retrieval: Retrieval = Retrieval()
    dimension_swap: DimensionSwap = DimensionSwap()
    representation_metrics: RepresentationMetrics = RepresentationMetrics()
    interventions: Interventions | None = None
    notebooks: dict[Name, dict[str, Any]]
    other_keys: ClassVar[tuple[str, ...]] = ("defaults", "zoo")  # they become part of `models`
    _file: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        training = {f"models.{name}": model for name, model in self.trained.items()}
        encoders = {
            f"image_encoders.{name}": encoder
            for name, encoder in self.trained_image_encoders.items()
        }
        check_names(self._names_of_files())
        check_drawn_words(self.sets, self.words)
        check_training({**training, **encoders}, self.sets, self.core, self.words)
        check_checkpoints(self.models)
        check_factor_models(self.factor_models, self.factor_sets, self.core)
        check_corpora(self.corpora, self.trained)
        check_near_duplicates(self.near_duplicates, self.models, self.trained)
        check_verification(self.verification, self.sets, self.models)
        needs = {name: getattr(self, name) for name, _ in NOTEBOOK_NEEDS.values()}
        check_notebooks(self.notebooks, needs)
        return self

    def _names_of_files(self) -> dict[str, dict[str, list[str]]]:
        """Names of the files of each entry of the sections of `SHARED_NAMES`."""
        sections = [section for group in SHARED_NAMES for section in group]
        names = {section: {name: [name] for name in getattr(self, section)} for section in sections}
        for run in self.trained_image_encoders:
            names["image_encoders"][run] += saved_names(run)
        return names

    @property
    def words(self) -> words.Vocabulary:
        """The vocabulary, with ids."""
        return words.Vocabulary(tuple(self.vocabulary.attributes), tuple(self.vocabulary.objects))

    @property
    def trained(self) -> dict[str, Training]:
        """The models that are trained here."""
        return {n: m for n, m in self.models.items() if isinstance(m, Training)}

    def replicate_of(self, model: str) -> str:
        """The model of the design that a model repeats with another seed; empty if it does not."""
        original = model.removesuffix(REPLICATE)
        is_one = self.design is not None and model != original and original in self.models
        return original if is_one else ""

    @property
    def own_image_encoders(self) -> dict[str, ImageEncoderTraining | UntrainedImageEncoder]:
        """The entries of `image_encoders` that are made here."""
        encoders = self.image_encoders.items()
        return {n: e for n, e in encoders if not isinstance(e, PublishedImageEncoder)}

    @property
    def trained_image_encoders(self) -> dict[str, ImageEncoderTraining]:
        """The runs in which image-only encoders are trained here; each saves several."""
        encoders = self.image_encoders.items()
        return {n: e for n, e in encoders if isinstance(e, ImageEncoderTraining)}

    @property
    def embedded_image_encoders(self) -> dict[str, EmbeddedImageEncoder]:
        """All image-only encoders that embed: those that a run saved, untrained, published."""
        encoders: dict[str, EmbeddedImageEncoder] = {}
        for name, settings in self.image_encoders.items():
            if isinstance(settings, ImageEncoderTraining):
                saved = zip(saved_names(name), settings.saved_steps.values(), strict=True)
                encoders |= {n: SavedImageEncoder(name, settings, steps) for n, steps in saved}
            else:
                encoders[name] = settings
        return encoders

    @property
    def probed(self) -> list[str]:
        """Models and image-only encoders with linear probes: none if there is no such encoder."""
        return [*self.models, *self.embedded_image_encoders] if self.image_encoders else []

    @property
    def embedded(self) -> dict[str, Training | Checkpoint | NullModel]:
        """All CLIPs that are embedded, scored and measured: the models and the null models."""
        return {**self.models, **self.null_models}

    @property
    def ablations(self) -> dict[str, list[str]]:
        """By name, the lists of templates with which compositions are embedded once more.

        Those of the study file and, if some of the usual templates name an attribute, `NEUTRAL`:
        the usual ones that name none.
        """
        usual = self.evaluation.templates
        named = words.named_attributes(usual, self.vocabulary.attributes)
        neutral = [t for t in usual if not any(t in group for group in named.values())]
        return self.evaluation.ablations | ({NEUTRAL: neutral} if named and neutral else {})

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
        return [*self.embedded, *self.embedded_image_encoders, *self.factor_models]

    def sets_of(self, model: str) -> list[str]:
        """Names of the sets that a model embeds; an unknown name raises a StudyError.

        All of `sets` and `id_sets`, and for a checkpoint the factor sets too; for a model trained
        on a factor set, that one only.
        """
        if model in self.factor_models:
            return [self.factor_models[model].set]
        if model not in self.all_models:
            raise StudyError(unknown("model", model, self.all_models))
        of_factors = self.factor_sets_of(model) if model in self.models else ()
        return [*self.sets, *self.id_sets, *of_factors]

    def shard_names(self, name: str) -> list[str]:
        """Shards of a generated set: ``0``, ... of compositions, ``isolated-0``, ... of words."""
        words = self.words
        of_compositions, of_words = self.generated_set(name).shards(
            words.size, len(words.attributes) + len(words.objects)
        )
        return [*map(str, range(of_compositions)), *(f"isolated-{k}" for k in range(of_words))]

    def model(self, name: str) -> Training | Checkpoint:
        """The settings of a model; an unknown name raises a StudyError."""
        return _entry("model", self.models, name)

    def image_encoder(
        self, name: str
    ) -> ImageEncoderTraining | UntrainedImageEncoder | PublishedImageEncoder:
        """The settings of an entry of `image_encoders`; an unknown name raises a StudyError."""
        return _entry("image-only encoder", self.image_encoders, name)

    def embedded_image_encoder(self, name: str) -> EmbeddedImageEncoder:
        """The settings of an image-only encoder that embeds; an unknown name is a StudyError."""
        return _entry("image-only encoder", self.embedded_image_encoders, name)

    def embedded_model(self, name: str) -> Training | Checkpoint | NullModel:
        """The settings of a model or null model; an unknown name raises a StudyError."""
        return _entry("model", self.embedded, name)

    def set(self, name: str) -> ImageSet:
        """The settings of a set; an unknown name raises a StudyError."""
        return _entry("set", self.sets, name)

    def set_or_id_set(self, name: str) -> ImageSet | IdSet:
        """The settings of a set or ID set; an unknown name raises a StudyError."""
        sets: dict[str, ImageSet | IdSet] = {**self.sets, **self.id_sets}
        return _entry("set", sets, name)

    def drawings(self, name: str | None = None) -> IconSet:
        """The settings of a set of drawings; by default of the first set, as models train on it.

        Raises
        ------
        StudyError
            If there is no such set, or it is not drawn.
        """
        name = next(iter(self.sets)) if name is None else name
        settings = self.set(name)
        if not isinstance(settings, IconSet):
            raise StudyError(f"set {name!r} is not drawn: its source is {settings.source!r}")
        return settings

    def generated_set(self, name: str) -> DiffusionSet:
        """The settings of a set that a text-to-image pipeline makes; or a StudyError."""
        return _entry("generated set", self.generated, name)

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
        """Table of the images of a set that says which are kept: the verified one if there is."""
        if self.verification is not None and set_ in self.verification.sets:
            return self.paths.verified(set_)
        return self.paths.manifest(set_)

    def factor_set(self, name: str) -> FactorSet:
        """The settings of a factor set; an unknown name raises a StudyError."""
        return _entry("factor set", self.factor_sets, name)

    def factor_model(self, name: str) -> FactorTraining:
        """The settings of a model trained on a factor set; an unknown name is a StudyError."""
        return _entry("factor model", self.factor_models, name)

    def corpus(self, name: str) -> Corpus:
        """The settings of a corpus; an unknown name raises a StudyError."""
        return _entry("corpus", self.corpora, name)

    def factor_sets_of(self, model: str) -> list[str]:
        """Factor sets that a model is tested on: its own, or all for a checkpoint.

        A small CLIP that is trained on attribute-object images is tested on none, as it has not
        seen the words of their factors.
        """
        if model in self.factor_models:
            return [self.factor_models[model].set]
        self.model(model)
        return [] if model in self.trained else list(self.factor_sets)

    @property
    def on_factor_sets(self) -> list[str]:
        """Models that are tested on factor sets."""
        return [m for m in [*self.models, *self.factor_models] if self.factor_sets_of(m)]

    @property
    def file(self) -> Path:
        """The file that the study was read from."""
        return self._file

    @property
    def pilot_record(self) -> Path:
        """Where the record of the pilot is kept: beside the study file."""
        return self._file.with_name(f"{self._file.stem}.pilot.json")

    @property
    def paths(self) -> Paths:
        """The paths of the artefacts."""
        return Paths(project_root(), self.name)


def _entry(kind: str, section: Mapping[str, Entry], name: str) -> Entry:
    if name not in section:
        raise StudyError(unknown(kind, name, section))
    return section[name]
