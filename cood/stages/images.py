"""Stages that make and verify sets of images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cood.settings.study_file import Study
from cood.stages.stage import CARD, MAKE, Keys, Resources, Stage, dumped, each, words

KEPT_BY = (
    "sets",
    "object_threshold",
    "attribute_threshold",
    "batch_tokens",
)  # what asks nothing anew


def _imported(study: Study) -> Iterator[Keys]:
    made_here = (*study.drawn, *study.generated)
    return each(name for name in (*study.sets, *study.id_sets) if name not in made_here)


def _shards(study: Study) -> Iterator[Keys]:
    return ((name, shard) for name in study.generated for shard in study.shard_names(name))


def _verifier_shards(study: Study) -> Iterator[Keys]:
    asked = study.verification
    if asked is not None:
        yield from ((name, str(shard)) for name in asked.sets for shard in range(asked.shards))


def _verified(study: Study) -> Iterator[Keys]:
    return each(study.verification.sets if study.verification else [])


def _tables(study: Study, set_: str) -> list[Path]:
    return [study.paths.manifest(set_), study.paths.isolated(set_)]


IMAGES = (
    Stage(
        name="draw",
        entry="cood.synthesis.drawing.icon_sets:draw_icon_set",
        jobs=lambda study: each(study.drawn),
        outputs=_tables,
        settings=lambda study, set_: [*words(study), dumped(study.sets[set_])],
        does="draws every composition several times, and each word by itself",
        writes="image files and their tables",
        progress="draw images",
        title="Draw the evaluation sets",
        keys=("set",),
        passes=("cores",),
        panel=MAKE,
        resources=Resources(memory=16000, minutes=240, threads=None),
    ),
    Stage(
        name="import_images",
        entry="cood.synthesis.external.importing:import_set",
        jobs=_imported,
        outputs=_tables,
        settings=lambda study, set_: [*words(study), dumped(study.set_or_id_set(set_))],
        does="imports images from a folder or the public release, and photographs by class",
        writes="links to the images and their tables",
        progress="import images",
        title="Import images",
        keys=("set",),
        passes=("cores", "say"),
        panel=MAKE,
        resources=Resources(memory=16000, minutes=240, threads=None),
    ),
    Stage(
        name="generate",
        entry="cood.synthesis.generation.diffusion:generate_shard",
        jobs=_shards,
        outputs=lambda study, set_, shard: [study.paths.shard(set_, shard)],
        settings=lambda study, set_, shard: [*words(study), dumped(study.generated[set_])],
        places=lambda study, set_, shard: [study.generated[set_].model, study.generated[set_].vae],
        does="generates images with a text-to-image pipeline, shard by shard",
        writes="PNG files and a table for each shard",
        progress="generate images",
        title="Generate evaluation sets",
        keys=("set", "shard"),
        passes=("cores", "say"),
        panel=MAKE,
        uses_torch=True,
        # A shard of 6,000 images; threads encode and write them.
        resources=Resources(memory=32000, minutes=240, gpu=CARD, threads=8),
    ),
    Stage(
        name="join_shards",
        entry="cood.synthesis.generation.shards:join_shards",
        jobs=lambda study: each(study.generated),
        outputs=_tables,
        settings=lambda study, set_: words(study),
        does="joins the shards of a generated set",
        writes="the tables of the set",
        progress="join the shards of",
        title="Join the shards",
        keys=("set",),
        panel=MAKE,
    ),
    Stage(
        name="ask_verifier",
        entry="cood.curation.verification.verify:ask_verifier",
        jobs=_verifier_shards,
        outputs=lambda study, set_, shard: [study.paths.answers(set_, shard)],
        settings=lambda study, set_, shard: [
            dumped(study.verified(set_), but=KEPT_BY),
            study.precision if study.verified(set_).clip else None,
        ],
        places=lambda study, set_, shard: [study.verified(set_).model],
        does="asks a vision-language model what each image shows",
        writes="its answers",
        progress="ask the verifier about",
        title="Ask the verifier",
        keys=("set", "shard"),
        passes=("cores", "say"),
        uses_torch=True,
        # Threads read images for the GPU.
        resources=Resources(memory=32000, minutes=480, gpu=CARD, threads=8),
    ),
    Stage(
        name="verify",
        entry="cood.curation.verification.verify:verify_set",
        jobs=_verified,
        outputs=lambda study, set_: [study.paths.verified(set_)],
        settings=lambda study, set_: dumped(study.verified(set_)),
        does="keeps the images that show their composition, by thresholds on the answers",
        writes="the table of the images that are kept",
        progress="verify",
        title="Verify the images",
        keys=("set",),
        passes=("say",),
        uses_torch=True,
    ),
    Stage(
        name="draw_factor_set",
        entry="cood.synthesis.scenes.factor_sets:draw_factor_set",
        jobs=lambda study: each(study.factor_sets),
        outputs=lambda study, set_: [study.paths.manifest(set_)],
        settings=lambda study, set_: [study.seed, dumped(study.factor_sets[set_])],
        does="renders scenes of independent factors",
        writes="image files and their table",
        progress="draw factor set",
        title="Draw the factor sets",
        keys=("set",),
        panel=MAKE,
    ),
)
