"""What the stages after embedding take for one model at the paper's size, for `benchmarks.gpu`.

Each runs in a process of its own with one core, as in the pipeline, on embeddings that are drawn
at random about their texts. Starting Python is not counted. The metrics, which use no GPU and take
longest, run beside the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass, replace
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
KEPT_PAIRS = 0.155  # share of the pairs that have images
METRICS = "representation_metrics"


@dataclass(frozen=True)
class Timed:
    """A stage, at most so many seconds of it, and by what images and objects are divided."""

    stage: str
    most: float
    share: int = 1


BESIDE = Timed(METRICS, 900.0)
TIMED = (
    Timed("dimension_swap", 90.0),
    Timed("interventions", 120.0),
    Timed(METRICS, 60.0, share=10),
    Timed("accuracy", 60.0),
    Timed("linear_probe", 40.0),
)


def rows(project: Path, sizes: Sizes, tiny: bool, left: Callable[[], float]) -> Iterator[Row]:
    """Seconds of each stage; one that does not end in its time, or what is left, is marked."""
    shares = {1} if tiny else {1, *(timed.share for timed in TIMED)}
    studies = {}
    for share in sorted(shares):
        work = replace(sizes, images=sizes.images // share)
        studies[share] = _write(project / str(share), work, tiny, share)

    def begin(timed: Timed) -> _Run:
        share = 1 if tiny else timed.share
        pairs = f"{sizes.images // share:,} images, {studies[share].words.size:,} pairs"
        name = f"stage {timed.stage} of one model, {pairs}, width {sizes.width}"
        return _Run(name, timed.most, _start(timed.stage, project / str(share)))

    if left() <= 0:
        yield not_measured("stages", "no time was left")
        return
    beside = begin(BESIDE)
    try:
        for timed in TIMED:
            if left() > 0:
                yield begin(timed).row(left)
            else:
                yield not_measured(f"stage {timed.stage}", "no time was left")
        yield beside.row(left)
    finally:
        beside.stop()


@dataclass(frozen=True)
class _Run:
    name: str
    most: float  # seconds from when its end is awaited
    process: subprocess.Popen[str]

    def row(self, left: Callable[[], float]) -> Row:
        """What the process reports when it is done, or why there is none."""
        most = max(1.0, min(self.most, left()))
        try:
            answer, errors = self.process.communicate(timeout=most)
        except subprocess.TimeoutExpired:
            self.stop()
            return not_measured(self.name, f"not done after {most:.0f} s")
        if self.process.returncode:
            return not_measured(self.name, errors[-300:])
        report = json.loads(answer.splitlines()[-1])
        seconds = f"{report['seconds']:.1f} s, {report['cpu']:.1f} s of the core"
        return Row(self.name, seconds, gpu_gb=report["gpu_gb"])

    def stop(self) -> None:
        """End the process, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def _start(stage: str, project: Path) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gpu_stages", stage],
        cwd=project,
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _write(project: Path, sizes: Sizes, tiny: bool, share: int = 1) -> Study:
    """A project with a study as the paper's, and what its embedding would have left."""
    folder = project / "workflow" / "studies"
    folder.mkdir(parents=True, exist_ok=True)
    (project / "workflow" / "Snakefile").touch()
    paper = load_study("paper")
    edits = paper.interventions
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
