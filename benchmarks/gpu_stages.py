"""What the stages after embedding take for one model at the paper's size, for `benchmarks.gpu`.

Each runs in a process of its own with one core, as in the pipeline, on embeddings that are drawn
at random about their texts. Starting Python is not counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.gpu_rows import Row, Sizes, not_measured
from benchmarks.gpu_scoring import embeddings
from cood.evaluation.common.tensor_names import ablated
from cood.files import write_table, write_tensors
from cood.pipeline.run import ENVIRONMENT
from cood.settings.study_file import Study, load_study
from cood.stages import STAGES
from cood.synthesis.manifests import KEPT

NAME, SET, MODEL = "gpu", "images", "clip"
COMMAND = (sys.executable, "-m", "benchmarks.gpu_stages")
KEPT_PAIRS = 0.155  # share of the pairs that have images
# Stages, and the most seconds that each is given.
TIMED = {
    "representation_metrics": 180.0,
    "dimension_swap": 90.0,
    "interventions": 120.0,
    "accuracy": 60.0,
    "linear_probe": 40.0,
}


def rows(project: Path, sizes: Sizes, tiny: bool, left: Callable[[], float]) -> Iterator[Row]:
    """Seconds of each stage; one that does not end in its time, or what is left, is marked."""
    study = _write(project, sizes, tiny)
    pairs = f"{sizes.images:,} images, {study.words.size:,} pairs, width {sizes.width}"
    for stage, most in TIMED.items():
        seconds = min(most, left())
        if seconds > 0:
            yield _row(stage, f"stage {stage} of one model, {pairs}", project, seconds)
        else:
            yield not_measured(f"stage {stage}", "no time was left")


def _row(stage: str, name: str, project: Path, most: float) -> Row:
    """What the process of a stage reports when it is done, or why there is none."""
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    try:
        done = subprocess.run(
            [*COMMAND, stage],
            cwd=project,
            env=os.environ | ENVIRONMENT | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=most,
        )
    except subprocess.TimeoutExpired:
        return not_measured(name, f"not done after {most:.0f} s")
    if done.returncode:
        return not_measured(name, done.stderr[-300:])
    report = json.loads(done.stdout.splitlines()[-1])
    seconds = f"{report['seconds']:.1f} s, {report['cpu']:.1f} s of the core"
    return Row(name, seconds, gpu_gb=report["gpu_gb"])


def _write(project: Path, sizes: Sizes, tiny: bool) -> Study:
    """A project with a study as the paper's, and what its embedding would have left."""
    folder = project / "workflow" / "studies"
    folder.mkdir(parents=True, exist_ok=True)
    (project / "workflow" / "Snakefile").touch()
    paper = load_study("paper")
    edits = paper.interventions
    attributes = paper.vocabulary.attributes[: sizes.attributes if tiny else None]
    objects = paper.vocabulary.objects[: sizes.objects if tiny else None]
    settings = {
        "seed": paper.seed,
        "vocabulary": {"attributes": attributes, "objects": objects},
        "core": paper.core,
        "sets": {SET: {"source": "folder", "folder": "images"}},
        "models": {MODEL: {"checkpoint": "ViT-L-14/laion2b_s32b_b82k"}},
        "evaluation": paper.evaluation.model_dump(),
        "representation_metrics": paper.representation_metrics.model_dump()
        | ({"fixed_width": None, "dimensions": 8} if tiny else {}),
        "interventions": edits.model_dump() if edits and not tiny else {"doses": [2]},
        "notebooks": {},
    }
    (folder / f"{NAME}.yaml").write_text(yaml.safe_dump(settings))
    with chdir(project):
        study = load_study(NAME)
        _embeddings_and_manifest(study, sizes)
    return study


def _embeddings_and_manifest(study: Study, sizes: Sizes) -> None:
    words = study.words
    rng = np.random.default_rng(0)
    kept = rng.permutation(words.size)[: max(2 * len(words.objects), int(KEPT_PAIRS * words.size))]
    tensors, truth = embeddings(words, sizes, kept)
    texts = {ablated(name): tensors["compositions"] for name in study.ablations}
    write_tensors({**tensors, **texts}, study.paths.embeddings(MODEL, SET), {})
    names = np.array(words.attributes)[words.attribute_of(truth)]
    manifest = pd.DataFrame({"image": [f"{k}.png" for k in range(len(truth))], "attribute": names})
    manifest["object"] = np.array(words.objects)[words.object_of(truth)]
    manifest["composition"], manifest["status"], manifest["bytes"] = truth, KEPT, 1
    write_table(manifest, study.paths.manifest(SET))


def main() -> None:
    """Run one stage of the study in the current folder; print its seconds."""
    module, _, function = STAGES[sys.argv[1]].entry.partition(":")
    study, run = load_study(NAME), getattr(import_module(module), function)
    start, cpu = time.perf_counter(), time.process_time()
    run(study, MODEL)
    report = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "gpu_gb": float("nan"),
    }
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        report["gpu_gb"] = torch.cuda.max_memory_allocated() / 1e9
    print(json.dumps(report))


if __name__ == "__main__":
    main()
