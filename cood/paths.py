"""Paths of the artefacts of a study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cood.errors import CoodError

SNAKEFILE = Path("workflow") / "Snakefile"
STUDIES = Path("workflow") / "studies"
REFERENCE = "reference"


def project_root() -> Path:
    """Folder of the clone we work in: the current one, a parent of it, or where `cood` lies."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).parents[1]):
        if (folder / SNAKEFILE).is_file():
            return folder
    raise CoodError(f"no {SNAKEFILE} in {here} or above it; change into a clone of the project")


@dataclass(frozen=True)
class Paths:
    """Files and folders of the study `study` in the project folder `root`."""

    root: Path
    study: str

    @property
    def studies(self) -> Path:
        """Folder of the project's own study files."""
        return self.root / STUDIES

    @property
    def results(self) -> Path:
        """Folder of all artefacts of the study."""
        return self.root / "results" / self.study

    @property
    def reference(self) -> Path:
        """Folder of the joined tables of a finished run of the study that were published."""
        return self.root / REFERENCE / self.study

    def manifest(self, set_: str) -> Path:
        """Table of a set's images; the images lie beside it."""
        return self.results / "sets" / set_ / "manifest.parquet"

    def isolated(self, set_: str) -> Path:
        """Table of the images of a set that show one word alone; they lie in a folder beside it."""
        return self.results / "sets" / set_ / "isolated.parquet"

    def shard(self, set_: str, shard: int | str) -> Path:
        """Table of the images of a set that were generated in one job, beside its manifest."""
        return self.results / "sets" / set_ / f"shard-{shard}.parquet"

    def answers(self, set_: str, shard: int | str) -> Path:
        """What the verifier answered about the images of one shard of a set."""
        return self.results / "verification" / set_ / f"answers-{shard}.parquet"

    def answer_parts(self, set_: str) -> Path:
        """Folder of all answers about a set, kept so that none is asked for twice."""
        return self.results / "verification" / set_ / "parts"

    def verified(self, set_: str) -> Path:
        """Manifest of a set with the answers, and without the images that do not show it."""
        return self.results / "verification" / set_ / "verified.parquet"

    def sheet(self, set_: str, rater: str) -> Path:
        """The review sheet of one rater."""
        return self.results / "verification" / set_ / "sheets" / f"{rater}.html"

    def review(self, set_: str) -> Path:
        """What persons answered about a sample of a set."""
        return self.results / "verification" / set_ / "review.parquet"

    def agreement(self, set_: str) -> Path:
        """How far the persons, and the verifier, agree about a sample of a set."""
        return self.results / "verification" / set_ / "agreement.parquet"

    def model(self, model: str) -> Path:
        """Folder of a model trained here: config, weights, captions, training history."""
        return self.results / "models" / model

    def caption_hits(self, corpus: str) -> Path:
        """In how many captions of a corpus the words of each composition occur, by rule."""
        return self.results / "caption_search" / corpus / "hits.parquet"

    def caption_files(self, corpus: str) -> Path:
        """Files of a corpus: what was read of each, or why it was not."""
        return self.results / "caption_search" / corpus / "files.parquet"

    def caption_parts(self, corpus: str) -> Path:
        """Folder of what each file of a corpus gave, so that none is read twice."""
        return self.results / "caption_search" / corpus / "parts"

    @property
    def near_duplicates(self) -> Path:
        """The nearest training image to each image of the sets, beside the index of those."""
        return self.results / "near_duplicates" / "nearest.parquet"

    @property
    def references(self) -> Path:
        """What was read of each file that the images were compared with, or why it was not."""
        return self.results / "near_duplicates" / "references.parquet"

    def pixels(self, preprocessing: str) -> Path:
        """Folder of the decoded images of all sets, until the models that need them embedded."""
        return self.results / "pixels" / preprocessing

    def pixels_record(self, preprocessing: str) -> Path:
        """What was decoded into that folder, which stays when the folder is removed."""
        return self.results / "pixels" / f"{preprocessing}.json"

    def embeddings(self, model: str, set_: str) -> Path:
        """Embeddings of a set's images and of the texts, by one model."""
        return self.results / "embeddings" / model / f"{set_}.safetensors"

    def model_accuracy(self, model: str) -> Path:
        """Accuracies of one model, composed retrieval included."""
        return self.results / "accuracy" / f"{model}.parquet"

    def model_answers(self, model: str) -> Path:
        """Answers of one model to each image."""
        return self.results / "answers" / f"{model}.parquet"

    def model_dimension_swap(self, model: str) -> Path:
        """Dimension-swap scores of one model."""
        return self.results / "dimension_swap" / f"{model}.parquet"

    def model_representation_metrics(self, model: str) -> Path:
        """Metrics of one model's embeddings."""
        return self.results / "representation_metrics" / f"{model}.parquet"

    def model_linear_probe(self, model: str) -> Path:
        """Scores of the linear probes of a model, or of an image-only encoder."""
        return self.results / "linear_probe" / f"{model}.parquet"

    def model_interventions(self, model: str) -> Path:
        """Accuracy and metrics of one model once its embeddings are edited."""
        return self.results / "interventions" / f"{model}.parquet"

    def model_training_dynamics(self, model: str) -> Path:
        """Metrics and accuracy over the training of a model."""
        return self.results / "training_dynamics" / f"{model}.parquet"

    @property
    def scores(self) -> Path:
        """Scores of all models, joined."""
        return self.results / "scores.parquet"

    def model_factor_scores(self, model: str) -> Path:
        """Scores of one model on the factor sets."""
        return self.results / "factor_scores" / f"{model}.parquet"

    @property
    def factor_scores(self) -> Path:
        """Scores of the models that are tested on factor sets, joined."""
        return self.results / "factor_scores.parquet"

    @property
    def models(self) -> Path:
        """Facts about each model."""
        return self.results / "models.parquet"

    @property
    def design(self) -> Path:
        """The design, as asked and as realised: a row a model."""
        return self.results / "design.parquet"

    @property
    def settings(self) -> Path:
        """Settings that the joined scores were made with."""
        return self.results / "settings.json"

    @property
    def image_encoders(self) -> Path:
        """Facts about each image-only encoder."""
        return self.results / "image_encoders.parquet"

    def notebook(self, name: str) -> Path:
        """Executed notebook, with the tables that it saves beside it."""
        return self.results / "notebooks" / name / f"{name}.ipynb"

    def preview(self, name: str) -> Path:
        """Notebook executed with other parameters, beside the book's own."""
        return self.results / "preview" / name / f"{name}.ipynb"

    @property
    def book(self) -> Path:
        """What the report is rendered from: the pages and the notebooks of the study."""
        return self.results / "book"

    @property
    def benchmarks(self) -> Path:
        """Time and memory of each job, written by Snakemake."""
        return self.results / "benchmarks"

    @property
    def html(self) -> Path:
        """Front page of the rendered report."""
        return self.root / "_build" / "html" / "index.html"
