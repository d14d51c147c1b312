"""Downloading files of the model hub, with a bounded number of attempts and a clear error.

Address of the hub, token and cache are those of `huggingface_hub`: `HF_ENDPOINT`, `HF_TOKEN`,
`HF_HOME`, `HF_HUB_OFFLINE`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from huggingface_hub import hf_hub_download, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from cood.catalogue.checkpoints import configuration
from cood.catalogue.open_clip_listing import on_the_hub
from cood.catalogue.sources import HUB
from cood.errors import CoodError
from cood.models.file_names import CLIP_CONFIG, CLIP_WEIGHTS

TOKENISER = ("tokenizer*", "special_tokens_map.json", "vocab*", "merges.txt", "*.model")
OF_TEXTS = ("tokenizer_config.json", "config.json")
ATTEMPTS = 3
PAUSE = 2.0  # seconds before the second attempt, twice as long before the third


def fetch(
    repo: str, file: str, revision: str | None = None, say: Callable[[str], None] = print
) -> Path:
    """Path of a file of a repository, downloaded unless it is cached.

    `huggingface_hub` resumes broken transfers, times out stalled ones and repeats requests for a
    file's size. It gives up at a server error or a file of the wrong size; these are tried again
    here.

    Parameters
    ----------
    repo, file
        ``ORG/NAME``, and a file in it.
    revision
        Branch, tag or commit; the main branch by default.
    say
        Called before each further attempt.

    Raises
    ------
    FileNotFoundError
        If the repository holds no such file.
    CoodError
        If it cannot be downloaded for another reason.
    """
    cached = _cached(repo, file, revision)
    if cached is not None:
        return cached
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return Path(hf_hub_download(repo, file, revision=revision))
        except RevisionNotFoundError as error:
            raise CoodError(f"repository {repo} has no revision {revision!r}") from error
        except GatedRepoError as error:
            raise CoodError(
                f"repository {repo} is open to those who accepted its licence; do so on its page "
                "and set HF_TOKEN"
            ) from error
        except RepositoryNotFoundError as error:
            raise CoodError(
                f"there is no repository {repo}, or it is private; correct its name, or set "
                "HF_TOKEN"
            ) from error
        except LocalEntryNotFoundError as error:  # the hub did not answer, also when asked again
            raise _unreachable(repo, file, error.__cause__ or error) from error
        except EntryNotFoundError as error:
            raise FileNotFoundError(f"repository {repo} holds no {file}") from error
        except (HfHubHTTPError, OSError) as error:
            if attempt == ATTEMPTS:
                raise _unreachable(repo, file, error) from error
            say(f"{file} of {repo}: {_line(error)}; attempt {attempt + 1} of {ATTEMPTS}")
            time.sleep(PAUSE * 2 ** (attempt - 1))
        except Exception as error:  # the transfer failed again and again, in many ways
            raise _unreachable(repo, file, error) from error
    raise AssertionError("unreachable")


def fetch_weights(
    repo: str,
    revision: str | None = None,
    say: Callable[[str], None] = print,
    *,
    names: Sequence[str] = CLIP_WEIGHTS,
) -> Path:
    """Path of the weights of a repository: the first of `names` that it has; see `fetch`."""
    for file in sorted(names, key=lambda file: _cached(repo, file, revision) is None):
        try:
            return fetch(repo, file, revision, say)
        except FileNotFoundError:
            continue
    raise CoodError(f"repository {repo} holds no {' or '.join(names)}")


def fetch_tokeniser(repo: str, revision: str | None = None) -> None:
    """Download the files of the tokeniser, if the repository has any, next to those of `fetch`."""
    try:
        snapshot_download(repo, revision=revision, allow_patterns=list(TOKENISER))
    except Exception as error:
        raise _unreachable(repo, "the tokeniser", error.__cause__ or error) from error


def checkpoint_cached(checkpoint: str) -> bool:
    """Whether everything that a checkpoint needs from the hub is cached."""
    place = on_the_hub(checkpoint)
    if place is None:
        return False
    repo, file, revision = place
    if not any(_cached(repo, name, revision) for name in ([file] if file else CLIP_WEIGHTS)):
        return False
    if checkpoint.startswith(HUB):
        config = _cached(repo, CLIP_CONFIG, revision)
        if config is None:
            return False
        settings = json.loads(config.read_text())
        text = settings.get("model_cfg", settings).get("text_cfg", {})
    else:
        text = configuration(checkpoint.partition("/")[0])["text_cfg"]
    # A text tower of transformers, or a tokeniser, may come from another repository.
    others = {text.get("hf_tokenizer_name"), text.get("hf_model_name")} - {None, repo}
    return all(any(_cached(other, name, None) for name in OF_TEXTS) for other in others)


def cached_commit(checkpoint: str) -> str | None:
    """Commit of the hub that the cached weights of a checkpoint come from; None without weights."""
    place = on_the_hub(checkpoint)
    if place is None:
        return None
    repo, file, revision = place
    found = (_cached(repo, name, revision) for name in ([file] if file else CLIP_WEIGHTS))
    return next((path.parent.name for path in found if path is not None), None)


def repository_cached(repo: str, revision: str | None = None) -> bool:
    """Whether a model of diffusers or transformers is cached with all of its weights."""
    pipeline = _cached(repo, "model_index.json", revision)
    if pipeline is not None:
        parts = json.loads(pipeline.read_text()).items()
        folders = [pipeline.parent / name for name, by in parts if isinstance(by, list) and by[0]]
        return all(map(_whole, folders))
    config = _cached(repo, "config.json", revision)
    return config is not None and _whole(config.parent)


def _whole(folder: Path) -> bool:
    """Whether a folder has the weights that its configuration needs; a tokeniser needs none."""
    if not folder.is_dir():
        return False
    for index in folder.glob("*.index*.json"):
        parts = set(json.loads(index.read_text())["weight_map"].values())
        return all((folder / part).is_file() for part in parts)
    weights = [file for file in folder.iterdir() if file.suffix in (".safetensors", ".bin")]
    return bool(weights) or not (folder / "config.json").is_file()


def _cached(repo: str, file: str, revision: str | None) -> Path | None:
    try:
        path = try_to_load_from_cache(repo, file, revision=revision)
    except HFValidationError:  # not the name of a repository, but for example a local folder
        return None
    return Path(path) if isinstance(path, str) else None


def _unreachable(repo: str, file: str, error: BaseException) -> CoodError:
    return CoodError(
        f"{file} of {repo} cannot be downloaded ({_line(error)}); check the connection, or point "
        "HF_ENDPOINT to a mirror; cached files need no network"
    )


def _line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
