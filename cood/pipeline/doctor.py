"""What a study lacks on this machine, and how to get it; each check takes seconds at most."""

from __future__ import annotations

import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distributions, requires
from pathlib import Path
from threading import Thread

import pandas as pd

from cood.catalogue.sources import HUB, LOCAL
from cood.errors import INSTALL, CoodError
from cood.models.hub import checkpoint_cached, repository_cached
from cood.pipeline import cost_model as rough
from cood.pipeline.plan import GB, plan
from cood.pipeline.preflight import (
    MISSING,
    OK,
    WARNING,
    Check,
    check_settings,
    local_files,
    published_models,
    release_file,
)
from cood.report.provenance.machine import gpus
from cood.settings import ReleaseSet
from cood.settings.study_file import Study

TIMEOUT = 4.0  # seconds that a check waits for a server
TOO_LONG = 1.0  # GPU hours above which the work is not left to a CPU


def examine(study: Study) -> Iterator[Check]:
    """Check everything that a study needs, one thing after the other.

    Jobs that are done need no disk, GPU or hub.
    """
    left = plan(study).set_index("stage").loc["left"]
    yield _settings(study)
    yield from _packages()
    yield from _releases(study)
    yield from local_files(study)
    yield from _disk(study, left)
    yield _gpu(study, left)
    yield from _hub(study, left)


def _packages() -> Iterator[Check]:
    """Check that the extra `study` is installed; nothing if `cood` itself is not installed."""
    try:
        required = requires("cood") or []
    except PackageNotFoundError:
        return  # run from its source: there is no list to compare with
    ours = [text for text in required if re.search(r"extra == .study", text)]
    named = [re.split(r"[^\w.-]", text)[0] for text in ours]
    lacking = [name for name in named if not any(distributions(name=name))]
    if lacking:
        yield Check("packages", MISSING, f"{', '.join(lacking)} not installed; run {INSTALL}")
    else:
        yield Check("packages", OK, "all that a study needs are installed")


def _settings(study: Study) -> Check:
    try:
        check_settings(study)
    except CoodError as error:
        return Check("settings", MISSING, str(error))
    return Check("settings", OK, "words, fonts, files and notebooks fit together")


def _releases(study: Study) -> Iterator[Check]:
    for name, settings in study.sets.items():
        if not isinstance(settings, ReleaseSet) or settings.url is None:
            continue
        file, what = release_file(study, settings), f"images of {name}"
        if file.exists():
            yield Check(what, OK, str(file))
        elif (reason := unreachable(settings.url)) is None:
            yield Check(what, OK, f"to be downloaded from {settings.url}")
        else:
            message = f"{settings.url} does not answer ({reason}); put the file at {file}"
            yield Check(what, MISSING, message)


def _disk(study: Study, left: pd.Series) -> Iterator[Check]:
    from huggingface_hub.constants import HF_HUB_CACHE

    results = study.paths.results
    wanted = [
        ("disk for results", results, left["disk_gb"], "or link results/ to another disk"),
        ("disk for weights", Path(HF_HUB_CACHE), left["download_gb"], "or set HF_HOME"),
    ]
    needs: dict[int, float] = {}  # by file system, which results and weights may share
    for what, folder, need, advice in wanted:
        if need == 0:
            continue
        while not folder.exists():
            folder = folder.parent
        free, device = shutil.disk_usage(folder).free / GB, folder.stat().st_dev
        needs[device] = needs.get(device, 0.0) + need
        message = f"{needs[device]:.1f} GB needed, {free:.1f} GB free at {folder}"
        if needs[device] > free:
            yield Check(what, MISSING, f"{message}; free some, {advice}")
        else:
            yield Check(what, OK, message)


def _gpu(study: Study, left: pd.Series) -> Check:
    hours = left["gpu_hours"]
    if hours == 0 and "gpu_hours" not in left["unknown"]:
        return Check("GPU", OK, "not needed")
    devices, need = gpus(), _gpu_memory(study)
    if not devices:
        advice = "use a machine with a GPU, or the cluster profile in workflow/profiles/slurm"
        if hours > TOO_LONG:
            message = f"nvidia-smi finds none, for some {hours:.1f} GPU hours of work"
            return Check("GPU", MISSING, f"{message}; {advice}")
        message = "nvidia-smi finds none; a CPU takes about a hundred times as long"
        return Check("GPU", WARNING, f"{message}; {advice}")
    name, memory = max(devices, key=lambda gpu: gpu[1])
    message = f"{name}, {memory:.0f} GB; the largest model needs some {need:.0f} GB"
    if memory < need:
        advice = "models that do not fit will fail: remove them from the study or use a larger GPU"
        return Check("GPU", WARNING, f"{message}; {advice}")
    return Check("GPU", OK, message)


def _gpu_memory(study: Study) -> float:
    """GB of the largest model whose size is known, with a batch."""
    sizes = [
        rough.FLOAT * known.get("parameters", 0)
        for known in map(rough.facts_of, [*study.embedded.values(), *study.image_encoders.values()])
        if known is not None
    ]
    sizes += [rough.size_of_generator(settings) for settings in study.generated.values()]
    return (max((size for size in sizes if size == size), default=0.0) + rough.ACTIVATIONS) / GB


def _hub(study: Study, left: pd.Series) -> Iterator[Check]:
    from huggingface_hub.constants import ENDPOINT, HF_HUB_OFFLINE

    if left["download_gb"] == 0 and "download_gb" not in left["unknown"]:
        yield Check("model hub", OK, "not needed: nothing is left to download")
        return
    if HF_HUB_OFFLINE:
        message = "HF_HUB_OFFLINE is set: models that are not cached will be skipped"
        yield Check("model hub", WARNING, message)
        return
    reason = unreachable(ENDPOINT)
    if reason is not None:
        advice = (
            "check the connection, or point HF_ENDPOINT to a mirror; cached files need no network"
        )
        yield Check("model hub", MISSING, f"{ENDPOINT} does not answer ({reason}); {advice}")
        return
    yield Check("model hub", OK, ENDPOINT)
    needed = [(s.model, s.revision) for s in study.generated.values()]
    if study.verification:
        needed.append((study.verification.model, study.verification.revision))
    needed = [(n, r) for n, r in needed if not n.startswith(LOCAL) and not repository_cached(n, r)]
    named = published_models(study).values()
    checkpoints = [
        n.removeprefix(HUB).partition("@")[0]
        for n in named
        if n.startswith(HUB) and not checkpoint_cached(n)
    ]
    states = dict.fromkeys(checkpoints, WARNING) | {repo: MISSING for repo, _ in needed}
    for repo, state in states.items():
        fault = closed(repo)
        what = f"repository {repo}"
        yield Check(what, OK, "you may read it") if fault is None else Check(what, state, fault)


def unreachable(url: str) -> str | None:
    """Why a server does not answer, None if it does, with whatever status."""

    def ask() -> str | None:
        try:
            urllib.request.urlopen(url, timeout=TIMEOUT).close()
        except urllib.error.HTTPError:
            return None
        except (OSError, ValueError) as error:
            return str(getattr(error, "reason", error))
        return None

    return _in_time(ask)


def closed(repo: str) -> str | None:
    """Why a repository of the hub cannot be read, with the way out; None if it can."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    def ask() -> str | None:
        try:
            HfApi().auth_check(repo)
        except GatedRepoError:
            return "accept its licence on its page, and set HF_TOKEN"
        except RepositoryNotFoundError:
            return "there is none, or it is private; correct its name, or set HF_TOKEN"
        except Exception as error:  # all sorts of failures of the network
            return f"cannot be asked for: {str(error).splitlines()[0]}"
        return None

    return _in_time(ask)


def _in_time(ask: Callable[[], str | None]) -> str | None:
    # The look-up of a host name has no time limit: if it hangs, its thread is abandoned.
    answers: list[str | None] = []
    thread = Thread(target=lambda: answers.append(ask()), daemon=True)
    thread.start()
    thread.join(TIMEOUT + 1)
    return answers[0] if answers else f"nothing within {TIMEOUT + 1:.0f} seconds"
