"""Images of a word alone: an attribute on a plain body, an object without an attribute."""

from __future__ import annotations

import pandas as pd

from cood.errors import ArtefactError
from cood.files import read_table, write_table
from cood.settings.study_file import Study
from cood.splits import ISOLATED
from cood.synthesis.drawing.icon_sets import GENERATOR, write_images
from cood.vocabulary import ANY_OBJECT


def draw_isolated(study: Study, name: str, cores: int = 1) -> pd.DataFrame:
    """Draw every word of a set alone, write the PNG files, then their table, and return it.

    A row shows an attribute or an object; the column of the other is empty.
    """
    settings = study.drawings(name)
    path = study.paths.isolated(name)
    words = study.words
    shown = [("attributes", a, "", f"{a} {ANY_OBJECT}") for a in words.attributes]
    shown += [("objects", "", o, o) for o in words.objects]
    rows = [
        {
            # A word may be an attribute and an object, as "orange" is: each kind has its folder.
            "image": f"isolated/{kind}/{attribute or object_}/{k}.png",
            "attribute": attribute,
            "object": object_,
            "prompt": prompt,
            "seed": k,
            "generator": GENERATOR,
            "status": "kept",
        }
        for kind, attribute, object_, prompt in shown
        for k in range(settings.isolated_images)
    ]
    table = pd.DataFrame(rows)
    seeds = [isolated_seed(study.seed, k) for k in table["seed"]]
    table["bytes"] = write_images(path.parent, settings.size, table, seeds, cores)
    write_table(table, path)
    return table


def isolated_seed(study_seed: int, k: int) -> tuple[int, ...]:
    """Seed of image k of a word that is shown alone, the same for every word.

    So all words have the same backgrounds and places, and all attributes the same bodies: what
    is not the word differs between images but not between words.
    """
    return (study_seed, ISOLATED, k)


def read_isolated(study: Study, name: str) -> pd.DataFrame | None:
    """Rows of the isolated words of a set that were kept.

    None if some word has no image, which is usual for images that were brought, and can happen
    where a generator failed.

    Raises
    ------
    ArtefactError
        If a word of a set of drawings has none.
    """
    settings = study.set(name)
    path = study.paths.isolated(name)
    table = read_table(path)
    table = table[table["status"] == "kept"].reset_index(drop=True)
    for kind, words in (("attribute", study.words.attributes), ("object", study.words.objects)):
        for word in words:
            if (table[kind] == word).any():
                continue
            if settings.source != "icons":
                return None
            raise ArtefactError(
                f"{path} has no image of the {kind} {word!r}; delete it and run `nox -s reproduce`"
            )
    return table
