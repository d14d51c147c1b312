"""Files of a repository of the model hub: each tried a bounded number of times, then told why not.

Where the hub lies, the token and the folder of what is kept are those of `huggingface_hub`:
`HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME`, `HF_HUB_OFFLINE`.
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
from cood.catalogue.open_clip_listing import HUB, on_the_hub
from cood.errors import CoodError

CONFIG = "open_clip_config.json"
# What open_clip calls its weights, the ones that cannot hold code first.
WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
TOKENISER = ("tokenizer*", "special_tokens_map.json", "vocab*", "merges.txt", "*.model")
OF_TEXTS = ("tokenizer_config.json", "config.json")
ATTEMPTS = 3
PAUSE = 2.0  # seconds before the second attempt, twice as long before the third


def fetch(
    repo: str, file: str, revision: str | None = None, say: Callable[[str], None] = print
) -> Path:
    """Path of a file of a repository, downloaded unless it is kept from an earlier time.

    `huggingface_hub` resumes broken transfers, times out stalled ones and repeats requests for a
    file's size; a server error or a file of the wrong size, at which it gives up, is tried again
    here.

    Parameters
    ----------
    repo, file
        ``ORG/NAME``, and a file in it.
    revision
        Branch, tag or commit; the main branch by default.
    say
        Told before each further attempt.

    Raises
    ------
    FileNotFoundError
        If the repository holds no such file.
    CoodError
        If it cannot be had for another reason.
    """
    kept = _kept(repo, file, revision)
    if kept is not None:
        return kept
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
        except LocalEntryNotFoundError as error:  # the hub did not answer, and was asked again
            raise _unreachable(repo, file, error.__cause__ or error) from error
        except EntryNotFoundError as error:
            raise FileNotFoundError(f"repository {repo} holds no {file}") from error
        except (HfHubHTTPError, OSError) as error:
            if attempt == ATTEMPTS:
                raise _unreachable(repo, file, error) from error
            say(f"{file} of {repo}: {_line(error)}; attempt {attempt + 1} of {ATTEMPTS}")
            time.sleep(PAUSE * 2 ** (attempt - 1))
        except Exception as error:  # the transfer broke off again and again, in all sorts of ways
            raise _unreachable(repo, file, error) from error
    raise AssertionError("unreachable")


def fetch_weights(
    repo: str,
    revision: str | None = None,
    say: Callable[[str], None] = print,
    *,
    names: Sequence[str] = WEIGHTS,
) -> Path:
    """Path of the weights of a repository, the first of `names` that it has; see `fetch`."""
    for file in sorted(names, key=lambda file: _kept(repo, file, revision) is None):
        try:
            return fetch(repo, file, revision, say)
        except FileNotFoundError:
            continue
    raise CoodError(f"repository {repo} holds no {' or '.join(names)}")


def fetch_tokeniser(repo: str, revision: str | None = None) -> None:
    """Lay the files of the tokeniser, where the repository has some, beside those of `fetch`."""
    try:
        snapshot_download(repo, revision=revision, allow_patterns=list(TOKENISER))
    except Exception as error:
        raise _unreachable(repo, "the tokeniser", error.__cause__ or error) from error


def checkpoint_kept(checkpoint: str) -> bool:
    """Whether all that a checkpoint needs of the hub is kept from an earlier time."""
    place = on_the_hub(checkpoint)
    if place is None:
        return False
    repo, file, revision = place
    if not any(_kept(repo, name, revision) for name in ([file] if file else WEIGHTS)):
        return False
    if checkpoint.startswith(HUB):
        config = _kept(repo, CONFIG, revision)
        if config is None:
            return False
        text = json.loads(config.read_text())["model_cfg"]["text_cfg"]
    else:
        text = configuration(checkpoint.partition("/")[0])["text_cfg"]
    # A text tower of transformers, or a tokeniser, that lies in another repository.
    others = {text.get("hf_tokenizer_name"), text.get("hf_model_name")} - {None, repo}
    return all(any(_kept(other, name, None) for name in OF_TEXTS) for other in others)


def repository_kept(repo: str, revision: str | None = None) -> bool:
    """Whether a model of diffusers or transformers is kept, all of its weights among it."""
    pipeline = _kept(repo, "model_index.json", revision)
    if pipeline is not None:
        parts = json.loads(pipeline.read_text()).items()
        folders = [pipeline.parent / name for name, by in parts if isinstance(by, list) and by[0]]
        return all(map(_whole, folders))
    config = _kept(repo, "config.json", revision)
    return config is not None and _whole(config.parent)


def _whole(folder: Path) -> bool:
    """Whether a folder has the weights that its configuration needs; a tokeniser's needs none."""
    if not folder.is_dir():
        return False
    for index in folder.glob("*.index*.json"):
        parts = set(json.loads(index.read_text())["weight_map"].values())
        return all((folder / part).is_file() for part in parts)
    weights = [file for file in folder.iterdir() if file.suffix in (".safetensors", ".bin")]
    return bool(weights) or not (folder / "config.json").is_file()


def _kept(repo: str, file: str, revision: str | None) -> Path | None:
    try:
        found = try_to_load_from_cache(repo, file, revision=revision)
    except HFValidationError:  # no name of a repository, such as that of a local folder
        return None
    return Path(found) if isinstance(found, str) else None


def _unreachable(repo: str, file: str, error: BaseException) -> CoodError:
    return CoodError(
        f"{file} of {repo} cannot be downloaded ({_line(error)}); see to the network, or put the "
        "files into a folder and name that, then run again"
    )


def _line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
