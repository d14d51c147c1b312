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
from dataclasses import replace
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
TIMED = (
    *("accuracy", "linear_probe", "dimension_swap", "interventions"),
    "representation_metrics",
)
KEPT_PAIRS = 0.155  # share of the pairs that have images
TENTHS = ("dimension_swap", "representation_metrics")  # with a tenth of the images and objects


def rows(project: Path, sizes: Sizes, tiny: bool, left: Callable[[], float]) -> Iterator[Row]:
    """Seconds of each stage; one that does not end in the time that is left is marked."""
    root = Path(__file__).parents[1]
    paths = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    studies: dict[int, Study] = {}
    for stage in TIMED:
        share = 10 if stage in TENTHS and not tiny else 1
        here, work = project / str(share), replace(sizes, images=sizes.images // share)
        studies[share] = study = studies.get(share) or _write(here, work, tiny, share)
        about = f"{work.images:,} images, {study.words.size:,} pairs, width {sizes.width}"
        name, most = f"stage {stage} of one model, {about}", left()
        if most <= 0:
            yield not_measured(name, "no time was left")
            continue
        try:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.gpu_stages", stage],
                cwd=here,
                env=os.environ | ENVIRONMENT | {"PYTHONPATH": paths},
                capture_output=True,
                text=True,
                timeout=most,
                check=True,
            )
            report = json.loads(done.stdout.splitlines()[-1])
        except subprocess.TimeoutExpired:
            yield not_measured(name, f"not done after {most:.0f} s")
            continue
        except subprocess.CalledProcessError as error:
            yield not_measured(name, error.stderr[-300:])
            continue
        seconds = f"{report['seconds']:.1f} s, {report['cpu']:.1f} s of the core"
        yield Row(name, seconds, gpu_gb=report["gpu_gb"])


def _write(project: Path, sizes: Sizes, tiny: bool, share: int = 1) -> Study:
    """A project with a study as the paper's, and what its embedding would have left."""
    folder = project / "workflow" / "studies"
    folder.mkdir(parents=True, exist_ok=True)
    (project / "workflow" / "Snakefile").touch()
    paper = load_study("paper")
    attributes = paper.vocabulary.attributes[: sizes.attributes if tiny else None]
    objects = paper.vocabulary.objects
    objects = objects[: sizes.objects if tiny else len(objects) // share]
    settings = {
        "seed": paper.seed,
        "vocabulary": {"attributes": attributes, "objects": objects},
        "core": paper.core,
        "sets": {SET: {"source": "folder", "folder": "images"}},
        "models": {MODEL: {"checkpoint": "ViT-L-14/laion2b_s32b_b82k"}},
        "evaluation": paper.evaluation.model_dump(),
        "representation_metrics": paper.representation_metrics.model_dump()
        | ({"fixed_width": None, "dimensions": 8} if tiny else {}),
        "interventions": {"doses": [2]} if tiny else paper.interventions.model_dump(),
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
