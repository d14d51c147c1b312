"""Shards of generated sets: which images a shard holds, and joining all shards."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd

from cood.errors import StudyError, unknown
from cood.files import damage, read_table, write_table
from cood.settings import DiffusionSet
from cood.settings.study_file import Study
from cood.splits import DIFFUSION, ISOLATED_DIFFUSION
from cood.synthesis.generation.saving import SUFFIX
from cood.synthesis.manifests import damaged_image, failed_image, image_name
from cood.vocabulary import ANY_OBJECT, fill

# Settings that an image depends on, besides its prompt and its seed.
RECIPE = ("model", "revision", "variant", "steps", "guidance", "spacing", "size", "precision")
COLUMNS = ("image", "attribute", "object", "composition", "prompt", "seed", "generator")


def planned(study: Study, name: str, shard: str) -> pd.DataFrame:
    """A row for each image of a shard, with the columns `COLUMNS` and the `recipe`.

    Image k of a composition has the prompt k modulo their number, and a seed drawn from the study's
    seed, the name of the set, the composition and k: it does not depend on batches, shards or
    machines. Where a word is shown alone, `composition` is -1.

    Raises
    ------
    StudyError
        If there is no such shard.
    """
    settings, words, names = study.generated_set(name), study.words, study.shard_names(name)
    if shard not in names:
        raise StudyError(f"set {name!r}: {unknown('shard', shard, names)}")
    isolated, part = shard.startswith("isolated-"), int(shard.removeprefix("isolated-"))
    numbers = range(part * settings.shard, (part + 1) * settings.shard)
    images = settings.isolated_images if isolated else settings.images_per_composition
    stream = ISOLATED_DIFFUSION if isolated else DIFFUSION
    n_attributes, own = len(words.attributes), int.from_bytes(_digest(name)[:4])
    rows = []
    for number in numbers:
        if isolated and number < n_attributes:
            attribute, object_, kind = words.attributes[number], "", "attributes"
            text = f"{attribute} {ANY_OBJECT}"
        elif isolated and number < n_attributes + len(words.objects):
            attribute, object_, kind = "", words.objects[number - n_attributes], "objects"
            text = object_
        elif not isolated and number < words.size:
            attribute = words.attributes[words.attribute_of(number)]
            object_, kind = words.objects[words.object_of(number)], ""
            text = f"{attribute} {object_}"
        else:
            break  # the last shard is shorter
        for k in range(images):
            file = image_name(f"{attribute} {object_}".strip(), f"{k}{SUFFIX}")
            if isolated:
                file = f"isolated/{kind}/{file}"
            prompt = fill(settings.prompts[k % len(settings.prompts)], text)
            seed = _seed(study.seed, stream, own, number, k)
            composition = -1 if isolated else number
            rows.append((file, attribute, object_, composition, prompt, seed, _generator(settings)))
    return pd.DataFrame(rows, columns=list(COLUMNS)).assign(recipe=recipe(settings))


def recipe(settings: DiffusionSet) -> str:
    """Short hash of all settings that an image depends on, besides prompt and seed."""
    chosen = {key: getattr(settings, key) for key in RECIPE}
    if settings.vae is not None:
        chosen["vae"] = settings.vae
    return _digest(json.dumps(chosen)).hex()[:12]


def made(study: Study, name: str, shard: str) -> bool:
    """Whether a shard has all images that the study asks for."""
    path = study.paths.shard(name, shard)
    if not path.is_file() or damage(path) or damaged_image(path) or failed_image(path):
        return False
    plan = planned(study, name, shard)
    return read_table(path).reindex(columns=plan.columns).equals(plan)


def join_shards(study: Study, name: str) -> pd.DataFrame:
    """Join the shards of a set: write manifest and table of isolated words; return the manifest.

    Raises
    ------
    ArtefactError
        If a shard is missing or damaged.
    """
    tables = [read_table(study.paths.shard(name, shard)) for shard in study.shard_names(name)]
    joined = pd.concat(tables, ignore_index=True).drop(columns="recipe")
    isolated = joined["composition"] < 0
    whole = joined[~isolated].reset_index(drop=True)
    write_table(whole, study.paths.manifest(name))
    words = joined[isolated].drop(columns="composition").reset_index(drop=True)
    write_table(words, study.paths.isolated(name))
    return whole


def _generator(settings: DiffusionSet) -> str:
    named = settings.model + (f"@{settings.revision}" if settings.revision else "")
    return named + (f" with the decoder of {settings.vae}" if settings.vae else "")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _seed(*parts: int) -> int:
    # Of 63 bits, which both torch and a column of a table hold.
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))
