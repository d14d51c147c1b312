"""`cood pilot`: trains and tests the models of the pilot, and keeps the record."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version

import yaml

from cood.analysis.pilot import (
    LEAST_OBJECT,
    Trial,
    judge,
    pilot_settings,
    write_record,
)
from cood.files import atomic, read_table
from cood.pipeline.run import run_jobs
from cood.settings.study_file import Study, load_study

PACKAGES = ("torch", "open_clip_torch", "timm", "numpy")


def run_pilot(study: Study, cores: int) -> int:
    """Train the models of the pilot, ask them for words, write the record; give an exit status.

    It is a small study of its own, `results/<study>-pilot`, that resumes where it was stopped. Only
    accuracies are computed: no metric is looked at to choose a world or a design.
    """
    settings = pilot_settings(study)
    file = study.paths.results / f"{settings['name']}.yaml"
    with atomic(file) as temporary:
        temporary.write_text(yaml.safe_dump(settings, sort_keys=False))
    pilot = load_study(str(file))
    files = {model: pilot.paths.model_accuracy(model) for model in pilot.models}
    status = run_jobs(pilot, cores, targets=list(files.values()))
    if status:
        return status
    trials = judge(study, {model: read_table(path) for model, path in files.items()})
    made_with = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "processor": platform.machine(),
        **{package: version(package) for package in PACKAGES},
    }
    record = write_record(study, trials, made_with)
    print(as_text(trials))
    print(f"written to {record}")
    return int(not all(trial.passed for trial in trials))


def as_text(trials: list[Trial]) -> str:
    """The trials as lines: object accuracy, pair accuracy on seen and unseen compositions."""
    width = max(len(trial.model) for trial in trials)
    lines = [
        f"objects among objects, seen compositions, at least {LEAST_OBJECT:.0%} where there is a "
        "gate; pairs among all"
    ]
    for trial in trials:
        gate = ("passed" if trial.passed else "FAILED") if trial.gate else "no gate"
        floor = ", no better than the attribute alone" if trial.at_floor else ""
        lines.append(
            f"{trial.model:{width}}  objects {trial.object:6.1%} [{trial.object_low:.1%}, "
            f"{trial.object_high:.1%}] {gate:8} pairs: seen {trial.pair_seen:.1%}, unseen "
            f"{trial.pair_unseen:.1%}{floor}"
        )
    return "\n".join(lines)
