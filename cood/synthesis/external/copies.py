"""Files with the same content: copies under one label, and one image under two labels."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

TWO_LABELS = "one image under two labels"


def copy_of(
    first_of_content: dict[tuple[int, str], str], content: tuple[int, str], file: str
) -> str | None:
    """Why a file is not used if an earlier one of its composition has the same content, or None.

    Parameters
    ----------
    first_of_content
        The first file of each content; this one is added if it is the first.
    content
        Composition id and SHA-256 of the file.
    file
        Its name, as the user knows it.
    """
    if content in first_of_content:
        return f"copy: the same as {first_of_content[content]}"
    first_of_content[content] = file
    return None


def notes_on_two_labels(
    files: Sequence[str], labels: Sequence[Hashable], contents: Sequence[str]
) -> list[str]:
    """A note [n] for each file whose content another label has too, else an empty text.

    Examples
    --------
    >>> notes_on_two_labels(["a/1", "b/1", "b/2"], ["a", "b", "b"], ["x", "x", "y"])
    ['one image under two labels: also b/1', 'one image under two labels: also a/1', '']
    """
    first: dict[str, dict[Hashable, str]] = {}
    for file, label, content in zip(files, labels, contents, strict=True):
        first.setdefault(content, {}).setdefault(label, file)
    notes = []
    for label, content in zip(labels, contents, strict=True):
        others = [file for other, file in first[content].items() if other != label]
        notes.append(f"{TWO_LABELS}: also {others[0]}" if others else "")
    return notes
