"""Downloading the public release."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

from cood.errors import CoodError
from cood.settings import ReleaseSet

SECONDS = 60  # without a byte from the server
RETRIES = 5


def fetch(settings: ReleaseSet, path: Path, say: Callable[[str], None] = print) -> None:
    """Make sure that the archive or folder of the release is at `path`, and complete.

    A download that was interrupted is resumed.

    Raises
    ------
    CoodError
        If it does not exist and cannot be downloaded, or differs from what the study file says.
    """
    if not path.exists():
        if settings.url is None:
            raise CoodError(
                f"{path} does not exist; put the release there, or give its `url` in the study file"
            )
        say(f"downloading {settings.url} to {path}")
        _download(settings.url, path)
    if path.is_dir():
        return
    if not zipfile.is_zipfile(path):
        raise CoodError(
            f"{path} is not a zip archive: the server may have sent a page that says why; read it, "
            "delete it, and download the archive with a browser if necessary"
        )
    if settings.sha256 is not None:
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        if checksum != settings.sha256:
            raise CoodError(
                f"{path} has the SHA-256 {checksum}, not {settings.sha256} as the study file says; "
                "delete it to download it again, or correct the study file"
            )


def _download(url: str, path: Path) -> None:
    import gdown
    import requests

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Google asks to confirm the download of large files, which gdown does.
        gdown.download(
            url,
            str(path),
            quiet=True,
            use_cookies=False,
            resume=True,
            timeout=SECONDS,
            retries=RETRIES,
        )
    except (
        gdown.exceptions.DownloadError,
        gdown.exceptions.FileURLRetrievalError,
        requests.RequestException,
    ) as error:
        reason = " ".join(str(error).split())
        raise CoodError(
            f"{url} cannot be downloaded ({reason}); run again to resume the download, or put the "
            f"file at {path}"
        ) from error
