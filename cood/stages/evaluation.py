"""Stages that embed, score and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cood.settings.preprocessing import models_by_preprocessing
from cood.settings.study_file import Study
from cood.stages.models import weights
from cood.stages.stage import CARD, Resources, Stage, draw_of, dumped, each, once, words


def _embed_settings(study: Study, model: str) -> list[Any]:
    """Prompts, precision, and what decides the weights of a model that is not trained here."""
    if weights(study, model):
        return _prompts(study)
    settings = {**study.embedded, **study.image_encoders}[model]
    return [*_prompts(study), dumped(settings)]


def _prompts(study: Study) -> list[Any]:
    """Settings that make every model embed again when they change."""
    return [study.evaluation.templates, study.ablations, study.seed, study.precision]


def _weights_by_path(study: Study, model: str) -> list[str | None]:
    settings = {**study.models, **study.image_encoders}.get(model)
    return [getattr(settings, key, None) for key in ("checkpoint", "encoder")]


def _references(study: Study) -> list[str]:
    settings = study.near_duplicates
    if settings is None:
        return []
    return [*(settings.references or []), *([settings.pairs] if settings.pairs else [])]


def _joined(study: Study) -> list[Path]:
    paths = study.paths
    files = [paths.scores, paths.models, paths.settings]
    files += [paths.image_encoders] if study.image_encoders else []
    return files + ([paths.factor_scores] if study.factor_sets else [])


EVALUATION = (
    Stage(
        name="caption_search",
        entry="cood.curation.caption_search.search:search_captions",
        jobs=lambda study: each(study.corpora),
        outputs=lambda study, corpus: [
            study.paths.caption_hits(corpus),
            study.paths.caption_files(corpus),
        ],
        settings=lambda study, corpus: [dumped(study.vocabulary), dumped(study.corpora[corpus])],
        sources=lambda study, corpus: study.corpora[corpus].files or [],
        does="searches the captions of a corpus for every composition",
        writes="how many captions name each composition, and what was read of each file",
        progress="search the captions of",
        title="Search captions",
        keys=("corpus",),
        passes=("say", "code"),
        resources=Resources(minutes=2880),  # a corpus; it resumes
    ),
    Stage(
        name="pixels",
        entry="cood.evaluation.embed.pixels:make_pixels",
        jobs=lambda study: each(p.name for p in models_by_preprocessing(study)),
        outputs=lambda study, preprocessing: [study.paths.pixels_record(preprocessing)],
        settings=lambda study, preprocessing: [[*study.sets, *study.id_sets], _prompts(study)],
        does="decodes the images of the sets once for each preprocessing of the models",
        writes="pixels, which are removed when the models are embedded, and a record",
        progress="decode images to",
        title="Decode the images",
        keys=("preprocessing",),
        passes=("cores", "say"),
        uses_torch=True,
        resources=Resources(memory=16000, minutes=240, threads=None),
    ),
    Stage(
        name="embed",
        entry="cood.evaluation.embed.embed:embed_model",
        jobs=lambda study: each(study.all_models),
        outputs=lambda study, model: [
            study.paths.embeddings(model, set_) for set_ in study.sets_of(model)
        ],
        settings=_embed_settings,
        places=_weights_by_path,
        does="embeds the images and texts of every set with a model, once",
        writes="embeddings",
        progress="embed with",
        title="Embed images and texts",
        keys=("model",),
        passes=("cores", "say", "code"),
        rules=(
            "embed",
            "embed_checkpoint",
            "embed_null_model",
            "embed_image_encoder",
            "embed_factor_model",
        ),
        uses_torch=True,
        # The largest checkpoint takes hours in single precision, and minutes in half.
        resources=Resources(memory=32000, minutes=720, gpu=CARD, threads=8),
    ),
    Stage(
        name="near_duplicates",
        entry="cood.curation.near_duplicates.search:find_near_duplicates",
        jobs=lambda study: once(study) if study.near_duplicates else [],
        outputs=lambda study: [study.paths.near_duplicates, study.paths.references],
        settings=lambda study: [
            dumped(study.near_duplicates),
            words(study),
            study.core,
            study.precision,
        ],
        sources=_references,
        does="finds the nearest training image to each image of the sets",
        writes="the nearest images and their similarities",
        progress="find near duplicates",
        title="Find near duplicates",
        passes=("say",),
        uses_torch=True,
        resources=Resources(memory=64000, minutes=1440, gpu=CARD),
    ),
    Stage(
        name="accuracy",
        entry="cood.evaluation.accuracy.accuracy:score_accuracy",
        jobs=lambda study: each(study.embedded),
        outputs=lambda study, model: [
            study.paths.model_accuracy(model),
            study.paths.model_answers(model),
        ],
        settings=lambda study, model: [
            dumped(study.evaluation),
            dumped(study.retrieval),
            words(study),
            draw_of(study, model),
        ],
        does="classifies the images by their nearest text, and retrieves images by image and text",
        writes="accuracies with intervals, and the answer to each image",
        progress="score the accuracy of",
        title="Score accuracy",
        keys=("model",),
        resources=Resources(memory=32000, minutes=480, gpu=1),
    ),
    Stage(
        name="baselines",
        entry="cood.evaluation.accuracy.baselines:score_baselines",
        jobs=once,
        outputs=lambda study: [study.paths.model_accuracy("baselines")],
        settings=lambda study: [
            dumped(study.evaluation),
            words(study),
            study.core,
            [dumped(model) for model in study.trained.values()],
        ],
        does="answers from the background or the captions, without the object",
        writes="accuracies with intervals",
        progress="score the baselines",
        title="Score the baselines",
        resources=Resources(memory=16000, minutes=120),
    ),
    Stage(
        name="dimension_swap",
        entry="cood.evaluation.interventions.dimension_swap:swap_dimensions",
        jobs=lambda study: each(study.models),
        outputs=lambda study, model: [study.paths.model_dimension_swap(model)],
        settings=lambda study, model: [
            dumped(study.dimension_swap),
            dumped(study.evaluation),
            words(study),
            draw_of(study, model),
        ],
        does="exchanges the dimensions of a factor between embeddings",
        writes="dimensions that each factor needs, accuracies after the exchange",
        progress="swap dimensions of",
        title="Swap dimensions",
        keys=("model",),
        resources=Resources(memory=32000, minutes=480, gpu=1),
    ),
    Stage(
        name="linear_probe",
        entry="cood.evaluation.linear_probe.linear_probe:score_linear_probe",
        jobs=lambda study: each(study.probed),
        outputs=lambda study, model: [study.paths.model_linear_probe(model)],
        settings=lambda study, model: [
            dumped(study.evaluation),
            words(study),
            study.core,
        ],
        does="fits linear probes to the image embeddings of CLIPs and image-only encoders",
        writes="accuracies with intervals",
        progress="fit linear probes to",
        title="Fit linear probes",
        keys=("model",),
        resources=Resources(memory=32000, minutes=720, gpu=1),
    ),
    Stage(
        name="representation_metrics",
        entry="cood.evaluation.representation.representation_metrics:score_representation",
        jobs=lambda study: each(study.embedded),
        outputs=lambda study, model: [study.paths.model_representation_metrics(model)],
        settings=lambda study, model: [
            dumped(study.representation_metrics),
            words(study),
            draw_of(study, model),
        ],
        does="computes metrics of disentanglement, rank and linearity of the embeddings",
        writes="values with their null values",
        progress="compute the metrics of",
        title="Compute representation metrics",
        keys=("model",),
        resources=Resources(memory=64000, minutes=720, gpu=1),
    ),
    Stage(
        name="interventions",
        entry="cood.evaluation.interventions.interventions:score_interventions",
        jobs=lambda study: each(study.models) if study.interventions else [],
        outputs=lambda study, model: [study.paths.model_interventions(model)],
        settings=lambda study, model: [
            dumped(study.interventions),
            dumped(study.evaluation),
            words(study),
            draw_of(study, model),
        ],
        does="edits the embeddings of a model and scores them again",
        writes="accuracies and metrics before and after",
        progress="edit the embeddings of",
        title="Edit the embeddings",
        keys=("model",),
        resources=Resources(memory=32000, minutes=480, gpu=1),
    ),
    Stage(
        name="training_dynamics",
        entry="cood.evaluation.representation.training_dynamics:score_training_dynamics",
        jobs=lambda study: each(study.trained),
        outputs=lambda study, model: [study.paths.model_training_dynamics(model)],
        settings=lambda study, model: [words(study), draw_of(study, model)],
        does="computes metrics and accuracy at moments of the training of a small CLIP",
        writes="values by training step",
        progress="follow the training of",
        title="Follow the training",
        keys=("model",),
    ),
    Stage(
        name="factor_scores",
        entry="cood.evaluation.factor_scores:score_factor_sets",
        jobs=lambda study: each(study.on_factor_sets),
        outputs=lambda study, model: [study.paths.model_factor_scores(model)],
        settings=lambda study, model: [
            dumped(study.evaluation),
            dumped(study.representation_metrics),
            study.seed,
            draw_of(study, model),
        ],
        does="computes accuracy and disentanglement on the factor sets",
        writes="accuracies and metrics",
        progress="score on factor sets",
        title="Score on the factor sets",
        keys=("model",),
    ),
    Stage(
        name="design",
        entry="cood.evaluation.design_table:tabulate_design",
        jobs=lambda study: once(study) if study.design else [],
        outputs=lambda study: [study.paths.design],
        settings=lambda study: [words(study), study.core, dumped(study.design)],
        does="tabulates the design, as asked and as realised",
        writes="a row a model",
        progress="tabulate the design",
        title="Tabulate the design",
    ),
    Stage(
        name="collect",
        entry="cood.evaluation.collect:collect",
        jobs=once,
        outputs=_joined,
        settings=lambda study: [
            [dumped(model) for model in study.models.values()],
            list(study.null_models),
            [dumped(encoder) for encoder in study.image_encoders.values()],
        ],
        does="joins the scores of all models",
        writes="one table of scores, one of models",
        progress="join the scores",
        title="Join the scores",
    ),
)
