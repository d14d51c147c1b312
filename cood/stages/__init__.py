"""Every stage of the pipeline, described once.

The command line, fingerprints, plan, progress display, run status, resources on a cluster and the
table of stages on the page about the method are made from these descriptions, or checked against
them. The Snakefile says which stage reads which files.

To add a stage, describe it in one of the modules here, add a rule of its name to the Snakefile and
what it costs to `cood.pipeline.costs`; the tests name the place that is missing.
"""

from __future__ import annotations

from pathlib import Path

from cood.settings.study_file import Study
from cood.stages.evaluation import EVALUATION
from cood.stages.images import IMAGES
from cood.stages.models import MOMENTS, TRAINING, gpu_eighths, weights
from cood.stages.reporting import REPORTING
from cood.stages.stage import CARD, Resources, Stage

__all__ = [
    "CARD",
    "MOMENTS",
    "OF_RULE",
    "STAGES",
    "Resources",
    "Stage",
    "benchmark",
    "gpu_eighths",
    "targets",
    "weights",
]

STAGES = {stage.name: stage for stage in (*IMAGES, *TRAINING, *EVALUATION, *REPORTING)}
OF_RULE = {rule: stage for stage in STAGES.values() for rule in stage.rule_names}


def targets(study: Study) -> list[Path]:
    """Every file that the stages of a study write."""
    return [
        path
        for stage in STAGES.values()
        for keys in stage.jobs(study)
        for path in stage.outputs(study, *keys)
    ]


def benchmark(study: Study, stage: str, *keys: str) -> Path:
    """Where Snakemake notes the time and memory of a job."""
    if stage == "embed" and keys and keys[0] in study.factor_models:
        keys += (study.factor_models[keys[0]].set,)  # a wildcard of the rule of these models
    return study.paths.benchmarks / ("-".join([stage, *keys]) + ".tsv")
