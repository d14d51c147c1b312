"""Searching captions: time and memory by the number of pairs, against pairs times captions."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import yaml
from open_clip import IMAGENET_CLASSNAMES

from cood.vocabulary import ATTRIBUTES

ALL_ATTRIBUTES = [name for names in ATTRIBUTES.values() for name in names]
ALL_OBJECTS = list(dict.fromkeys(IMAGENET_CLASSNAMES))
FILES, IN_FILE = 10, 1_000_000
SENTENCES = 50_000  # different ones, from which the captions are drawn
PLANTED = 500  # pairs, the k-th of them in k captions of each file
# Of web captions; with parts such as "red", "tan", "hen" and "car" in them.
FILLER = """
    the a of in and with for on to by from at new photo image picture stock vector home free
    design best day man woman people background art style love hand set two one how made your
    kids wall case cover pack size small large great hundred standing kitchen when search care
    instagram american business price hotel education program frame weather shop covered
    website illustration pattern collection university street festival calendar template
    apartment invitation christmas birthday beautiful traditional original
""".split()  # noqa: SIM905
Row = tuple[str, str, str, str]


def rows() -> Iterator[Row]:
    """Captions a second for many and for few pairs, and the memory of a large search."""
    with tempfile.TemporaryDirectory(prefix="cood-") as name:
        folder = Path(name)
        planted = _write(folder)
        many, peak, hits = _search(folder, ALL_ATTRIBUTES, ALL_OBJECTS)
        few, _, _ = _search(folder, ALL_ATTRIBUTES[::10], ALL_OBJECTS[::10])
        # As many words as for all pairs, so that nothing but the number of pairs differs.
        others = [name for name in ALL_ATTRIBUTES[2:] if name not in ALL_OBJECTS]
        same, _, _ = _search(folder, ALL_ATTRIBUTES[:2], [*ALL_OBJECTS, *others])
        loop = _loop(folder)
    for rule in ("strict", "adjacent"):
        own = hits[(hits["rule"] == rule) & (hits["count"] > 0)]
        found = dict(zip(own["attribute"] + " " + own["object"], own["count"], strict=True))
        if found != planted:
            raise ValueError(f"{rule}: counts are not those that were planted")
    total = FILES * IN_FILE
    pairs = len(ALL_ATTRIBUTES) * len(ALL_OBJECTS)
    per_second = total / many
    yield (
        f"search {total:,} captions for {pairs:,} pairs, by three rules",
        f"{per_second:,.0f} captions a second of one core, {peak:.2f} GB, planted pairs exact",
        f"loop over captions and pairs, from 20 captions: {loop:.0f} captions a second",
        f"{per_second / loop:,.0f}",
    )
    for name, fewer, seconds in (
        ("the same words", 2 * (len(ALL_OBJECTS) + len(others)), same),
        ("a tenth of the words", len(ALL_ATTRIBUTES[::10]) * len(ALL_OBJECTS[::10]), few),
    ):
        yield (
            f"search the same captions for {pairs:,} pairs",
            f"{per_second:,.0f} captions a second",
            f"for {fewer:,} pairs of {name}: {total / seconds:,.0f}",
            f"{seconds / many:.2f}",
        )


def _write(folder: Path) -> dict[str, int]:
    """Make the files, one at a time; give the number of captions of each planted pair."""
    rng = np.random.default_rng(0)
    plain = [name for name in ALL_OBJECTS if not set("()/") & set(name)]
    filler = [word for word in FILLER if word not in {*ALL_ATTRIBUTES, *ALL_OBJECTS}]
    # Words of one kind in a sentence: so only what is planted names a pair.
    kinds = (ALL_ATTRIBUTES, plain, filler)
    sentences = []
    for kind in rng.choice(3, SENTENCES, p=[0.2, 0.3, 0.5]):
        text = list(rng.choice(filler, rng.integers(4, 12)))
        text.insert(2, str(rng.choice(kinds[kind])))
        sentences.append(" ".join(text).capitalize())
    chosen = rng.choice(len(ALL_ATTRIBUTES) * len(plain), PLANTED, replace=False)
    names = [f"{ALL_ATTRIBUTES[k // len(plain)]} {plain[k % len(plain)]}" for k in chosen]
    often = np.arange(1, PLANTED + 1)
    planted = np.repeat([f"Photo: a {name}, new" for name in names], often)
    pool = pl.Series([*sentences, *planted])
    (folder / "captions").mkdir()
    for i in range(FILES):
        drawn = rng.integers(SENTENCES, size=IN_FILE)
        places = rng.permutation(IN_FILE)[: len(planted)]
        drawn[places] = SENTENCES + np.arange(len(planted))
        table = pl.DataFrame({"TEXT": pool.gather(drawn)})
        table.write_parquet(folder / "captions" / f"{i}.parquet")
    return {name: FILES * int(n) for name, n in zip(names, often, strict=True)}


def _search(
    folder: Path, attributes: list[str], objects: list[str]
) -> tuple[float, float, pd.DataFrame]:
    """Seconds of one core and peak memory in GB of `cood caption-search`, and what it wrote."""
    (folder / "workflow" / "studies").mkdir(parents=True, exist_ok=True)
    (folder / "workflow" / "Snakefile").touch()
    study = {
        "seed": 0,
        "core": 0.2,
        "vocabulary": {"attributes": attributes, "objects": objects},
        "sets": {"none": {"source": "icons", "images_per_composition": 1}},
        "models": {"none": {"checkpoint": "ViT-B-32-quickgelu/openai"}},
        "corpora": {"web": {"files": ["captions"]}},
        "notebooks": {},
    }
    name = f"pairs-{len(attributes) * len(objects)}"
    (folder / "workflow" / "studies" / f"{name}.yaml").write_text(yaml.safe_dump(study))
    script = (
        "import time, re\n"
        "from cood.cli import main\n"
        f"failed = main(['caption-search', '--study', '{name}', '--corpus', 'web'])\n"
        # Not `ru_maxrss`, in which the process that started this one counts too.
        "peak = re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1]\n"
        "print(time.process_time(), int(peak) / 1e6)\n"
        "raise SystemExit(failed)\n"
    )
    one_thread = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    said = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, **one_thread},
        stdout=subprocess.PIPE,
        check=True,
    )
    seconds, peak = map(float, said.stdout.split())
    hits = pd.read_parquet(folder / "results" / name / "caption_search" / "web" / "hits.parquet")
    return seconds, peak, hits


def _loop(folder: Path) -> float:
    """Captions a second of the authors' loop, which looks for each word of each pair."""
    table = pl.read_parquet(folder / "captions" / "0.parquet", n_rows=20)
    names = [f"{a} {o}".lower().split()[:2] for a in ALL_ATTRIBUTES for o in ALL_OBJECTS]
    start = time.perf_counter()
    for caption in table["TEXT"]:
        lower = caption.lower()
        for first, second in names:
            if first in lower and second in lower:
                pass
    return len(table) / (time.perf_counter() - start)
