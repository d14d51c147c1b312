"""Verifying a set, shard by shard, and what of it is kept.

Every answer is kept in `parts/` as soon as it is given, so that no image is asked twice, whatever
stops the run; a part says by which model and questions, and of how many bytes the image was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from cood.errors import ArtefactError, MissingModelError, StudyError, unknown
from cood.files import damage, read_table, write_table
from cood.progress import Progress
from cood.settings import Verification
from cood.settings.study_file import Study
from cood.synthesis.drawing.icon_sets import KEPT, load_image

ANSWERS = ("object_yes", "attribute_yes", "object_mass", "attribute_mass")
ROW = ("image", "bytes", "attribute", "object")
KEY = ["image", "bytes", "recipe"]
NO_OBJECT, NO_ATTRIBUTE = "object not seen", "attribute not seen"
UNASKED = "could not be asked"
ASKED = ("model", "revision", "object_question", "attribute_question", "precision")


def verify_set(study: Study, name: str, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Ask of the shards that are not asked yet, and write and return the verified manifest.

    It is the manifest with the answers beside it, and a `status` that says what was not seen.
    """
    verifier = None
    for shard in range(study.verified(name).shards):
        if asked(study, name, shard):
            continue
        if verifier is None:  # loaded only if there is something to ask
            from cood.curation.verification.verifier import load_verifier

            verifier = load_verifier(study, study.verified(name))
        verify_shard(study, name, shard, say, verifier)
    return judge(study, name)


def verify_shard(
    study: Study,
    name: str,
    shard: int,
    say: Callable[[str], None] = print,
    verifier: object | None = None,
) -> pd.DataFrame:
    """Ask of all images of one shard that were not asked yet; write the answers and return them.

    Columns: image, bytes, attribute, object, the probability of yes for object and attribute
    (`object_yes`, `attribute_yes`), of all probability that of yes and no (`object_mass`,
    `attribute_mass`), `clip` (the cosine of image and composition, or NaN), and `problem`, why an
    image could not be asked. Such an image is asked again the next time.
    """
    settings = study.verified(name)
    rows = planned(study, name, shard)
    known = rows.merge(_parts(study, name), on=KEY, how="left")
    left = known["object_yes"].isna().to_numpy()
    say(f"{name}, shard {shard}: {int(left.sum()):,} of {len(rows):,} images to ask about")
    if left.any():
        known = _ask_rest(study, name, shard, known, left, verifier, say)
    known["clip"] = _clip_scores(study, name, known, say) if settings.clip else np.nan
    known["clip_model"] = settings.clip or ""
    write_table(known, study.paths.answers(name, shard))
    return known


def planned(study: Study, name: str, shard: int) -> pd.DataFrame:
    """The kept images of one shard of a set: `image`, `bytes`, `attribute`, `object`, `recipe`.

    Raises
    ------
    StudyError
        If there is no such shard.
    """
    settings = study.verified(name)
    if shard not in range(settings.shards):
        raise StudyError(f"set {name!r}: {unknown('shard', str(shard), _shards(settings))}")
    table = read_table(study.paths.manifest(name))
    kept = table.loc[table["status"] == KEPT, list(ROW)].reset_index(drop=True)
    borders = np.linspace(0, len(kept), settings.shards + 1).astype(int)
    part = kept[borders[shard] : borders[shard + 1]].reset_index(drop=True)
    return part.assign(recipe=recipe(settings))


def recipe(settings: Verification) -> str:
    """Short hash of all settings that decide an answer."""
    chosen = json.dumps({key: getattr(settings, key) for key in ASKED})
    return hashlib.sha256(chosen.encode()).hexdigest()[:12]


def asked(study: Study, name: str, shard: int) -> bool:
    """Whether the answers of a shard are there, as the study wants them, for all its images."""
    path = study.paths.answers(name, shard)
    if not path.is_file() or damage(path):
        return False
    plan, table = planned(study, name, shard), read_table(path)
    return (
        table.reindex(columns=plan.columns).equals(plan)
        and bool((table["problem"] == "").all())
        and bool((table["clip_model"] == (study.verified(name).clip or "")).all())
    )


def judge(study: Study, name: str) -> pd.DataFrame:
    """Join the answers of all shards, and write and return the verified manifest of a set.

    Raises
    ------
    ArtefactError
        If answers are missing, damaged, or of other images than the set has.
    """
    settings = study.verified(name)
    manifest = read_table(study.paths.manifest(name))
    tables = [read_table(study.paths.answers(name, k)) for k in range(settings.shards)]
    answers = pd.concat(tables, ignore_index=True).drop(columns=["attribute", "object"])
    whole = manifest.merge(answers, on=["image", "bytes"], how="left", validate="many_to_one")
    kept = whole["status"] == KEPT
    if not whole.loc[kept, "recipe"].eq(recipe(settings)).all():
        raise ArtefactError(
            f"the answers in {study.paths.answers(name, 0).parent} are not those of the images "
            f"of set {name!r} as they are now; run `cood verify --set {name}` again"
        )
    failed = kept & (whole["problem"] != "")
    for status, wrong in (
        (NO_ATTRIBUTE, kept & (whole["attribute_yes"] < settings.attribute_threshold)),
        (NO_OBJECT, kept & (whole["object_yes"] < settings.object_threshold)),
    ):
        whole.loc[wrong, "status"] = status
    whole.loc[failed, "status"] = UNASKED + ": " + whole.loc[failed, "problem"]
    whole = whole.drop(columns=["recipe", "problem", "clip_model"])
    write_table(whole, study.paths.verified(name))
    return whole


def unasked(answers: pd.DataFrame) -> str | None:
    """First image of a table of answers that could not be asked: it is worth another try."""
    wrong = answers.loc[answers["problem"] != "", ["image", "problem"]]
    for image, problem in wrong.itertuples(index=False):
        return f"image {image} could not be asked about: {problem}"
    return None


def _ask_rest(
    study: Study,
    name: str,
    shard: int,
    known: pd.DataFrame,
    left: np.ndarray,
    verifier: object | None,
    say: Callable[[str], None],
) -> pd.DataFrame:
    """Fill in the answers that are missing, and keep them after every batch."""
    from cood.curation.verification import verifier as asking

    settings = study.verified(name)
    if verifier is None:
        verifier = asking.load_verifier(study, settings)
    assert isinstance(verifier, asking.Verifier)
    batch = settings.batch if verifier.model.device.type != "cpu" else 1
    progress = Progress(f"{name}, shard {shard}", int(left.sum()), say)
    known = known.assign(problem=known["problem"].fillna(""))
    store = study.paths.answer_parts(name) / f"{shard}.parquet"
    for start in range(0, len(known), batch):
        places = range(start, min(start + batch, len(known)))
        if not left[list(places)].any():
            continue
        # The whole batch, so that its answers come out as they would have without the stop.
        for place, answer in zip(
            places, _answers(study, name, verifier, known, places), strict=True
        ):
            if isinstance(answer, str):
                known.loc[place, "problem"] = answer
            elif left[place]:
                known.loc[place, list(ANSWERS)] = answer
        done = known.loc[known["object_yes"].notna()]
        write_table(done[[*KEY, *ANSWERS]], store)
        progress.add(int(left[list(places)].sum()))
    return known


def _answers(
    study: Study, name: str, verifier: object, known: pd.DataFrame, places: Sequence[int]
) -> list[list[float] | str]:
    """The answers of a batch, in the order of `ANSWERS`, or why there are none.

    If a batch fails, its images are asked one by one.
    """
    from cood.curation.verification import verifier as asking

    settings, folder = study.verified(name), study.paths.manifest(name).parent
    rows = known.loc[list(places)]
    words = list(zip(rows["object"], rows["attribute"], strict=True))
    questions = [
        [question.format(object=object_, attribute=attribute) for object_, attribute in words]
        for question in (settings.object_question, settings.attribute_question)
    ]
    try:
        images = [load_image(folder, image) for image in rows["image"]]
        (o, o_mass), (a, a_mass) = (asking.ask(verifier, images, asks) for asks in questions)  # type: ignore[arg-type]
    except Exception as error:  # out of memory, above all, or an image that is gone
        problem = " ".join(str(error).split())[:200] or type(error).__name__
    else:
        table = np.stack([o, a, o_mass, a_mass], axis=1)
        return [row.tolist() if np.isfinite(row).all() else "no number" for row in table]
    if len(rows) == 1:
        return [problem]
    return [_answers(study, name, verifier, known, [place])[0] for place in places]


def _clip_scores(
    study: Study, name: str, rows: pd.DataFrame, say: Callable[[str], None]
) -> np.ndarray:
    """Cosine of each image and its composition, by the CLIP of the study's verification.

    NaN for all images if the CLIP cannot be loaded.
    """
    from cood.evaluation.embed.images import embed_images
    from cood.evaluation.embed.loading import load_clip
    from cood.evaluation.embed.texts import embed_texts

    usable = (rows["problem"] == "").to_numpy()
    scores = np.full(len(rows), np.nan)
    if not usable.any():
        return scores
    model = str(study.verified(name).clip)
    try:
        clip = load_clip(study, model, say)
    except MissingModelError as error:
        say(f"{name}: no CLIP scores, as {model} cannot be loaded: {error}")
        return scores
    images = embed_images(
        clip, study.paths.manifest(name).parent, rows.loc[usable, "image"].tolist()
    )
    names = rows.loc[usable, "attribute"] + " " + rows.loc[usable, "object"]
    numbers, distinct = pd.factorize(names)
    texts = embed_texts(clip, distinct.tolist(), study.evaluation.templates)
    images = images / np.linalg.norm(images, axis=1, keepdims=True)
    texts = texts / np.linalg.norm(texts, axis=1, keepdims=True)
    scores[usable] = (images * texts[numbers]).sum(axis=1)
    return scores


def _parts(study: Study, name: str) -> pd.DataFrame:
    """All answers that were ever given for the images of a set, each once."""
    files = sorted(study.paths.answer_parts(name).glob("*.parquet"))
    empty = pd.DataFrame({key: pd.Series(dtype="str") for key in KEY}).astype({"bytes": "int64"})
    empty = empty.assign(**{key: pd.Series(dtype="float64") for key in ANSWERS})
    tables = [read_table(file) for file in files if not damage(file)]
    joined = pd.concat(tables, ignore_index=True) if tables else empty
    return joined.drop_duplicates(KEY, keep="last").assign(problem="")


def _shards(settings: Verification) -> list[str]:
    return [str(k) for k in range(settings.shards)]
