"""Counting the captions of each pair, and keeping some of them as examples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cood.curation.caption_search.word_forms import RULES, Search, each
from cood.files import atomic
from cood.vocabulary import Vocabulary

if TYPE_CHECKING:
    import polars as pl

EXAMPLES = 3  # captions kept of each pair and rule
LONGEST = 200  # characters of an example
FACTS = "facts"  # key of the metadata of a part
MANY = 300  # small tables of examples before they are joined


@dataclass
class FileFacts:
    """What was read of a file of captions; for the fields see `search_captions`."""

    column: str = ""
    others: str = ""
    captions: int = 0
    empty: int = 0
    unparsed: int = 0
    problem: str = ""


class Tally:
    """Counts of captions by rule and key (see `Search.keys`), with the first captions of each.

    `facts` says what was read of the file.
    """

    def __init__(self, search: Search, facts: FileFacts | None = None) -> None:
        self.facts = facts or FileFacts()
        self.counts = {rule: np.zeros(n, np.int64) for rule, n in search.sizes.items()}
        self.kept = {rule: np.zeros(n, np.int64) for rule, n in search.sizes.items()}
        self.examples: list[pl.DataFrame] = []

    def fresh(self, search: Search) -> Tally:
        """An empty tally that keeps only the examples that this one still needs."""
        new = Tally(search)
        new.kept = {rule: kept.copy() for rule, kept in self.kept.items()}
        return new

    def add(self, captions: pl.Series, pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
        """Count a batch of captions with the pairs in them, as `find_pairs` returns them."""
        import polars as pl

        self.facts.captions += len(captions)
        for rule, (rows, keys) in pairs.items():
            self.counts[rule] += np.bincount(keys, minlength=len(self.counts[rule]))
            room = self._room(rule, keys)
            if len(room):
                text = captions.gather(rows[room]).str.slice(0, LONGEST)
                # Through Python: strings of polars would keep the text of the whole batch alive.
                self._keep(rule, keys[room], pl.Series(text.to_list(), dtype=pl.String))

    def join(self, other: Tally) -> None:
        """Add the counts and examples of another tally after those of this one."""
        for rule in RULES:
            self.counts[rule] += other.counts[rule]
        for table in other.examples:
            for (rule,), rows in table.partition_by("rule", as_dict=True).items():
                keys = rows["key"].to_numpy()
                room = self._room(str(rule), keys)
                self._keep(str(rule), keys[room], rows["caption"].gather(room))

    def _room(self, rule: str, keys: np.ndarray) -> np.ndarray:
        # Rows of `keys` that still need an example: the first ones of each key.
        wanted = np.flatnonzero(self.kept[rule][keys] < EXAMPLES)
        order = wanted[np.argsort(keys[wanted], kind="stable")]
        sorted_keys = keys[order]
        _, counts = np.unique(sorted_keys, return_counts=True)
        _, rank = each(counts)
        return np.sort(order[self.kept[rule][sorted_keys] + rank < EXAMPLES])

    def _keep(self, rule: str, keys: np.ndarray, captions: pl.Series) -> None:
        import polars as pl

        if len(keys):
            np.add.at(self.kept[rule], keys, 1)
            self.examples.append(pl.select(rule=pl.lit(rule), key=keys, caption=captions))
        if len(self.examples) > MANY:
            self.examples = [pl.concat(self.examples, rechunk=True)]

    def save(self, path: Path) -> None:
        """Write counts and examples, as parquet; `load` reads them."""
        import polars as pl

        tables = [_no_rows(), *self.examples]
        for rule, counts in self.counts.items():
            keys = np.flatnonzero(counts)
            tables.append(pl.select(rule=pl.lit(rule), key=keys, count=counts[keys]))
        facts = {FACTS: json.dumps(asdict(self.facts))}
        with atomic(path) as temporary:
            pl.concat(tables, how="diagonal").write_parquet(temporary, metadata=facts)

    @classmethod
    def load(cls, path: Path, search: Search) -> Tally | None:
        """Read what `save` wrote, for the same search; None if it is missing or damaged."""
        import polars as pl

        try:
            facts = json.loads(pl.read_parquet_metadata(path)[FACTS])
            table = pl.read_parquet(path)
        except (OSError, KeyError, pl.exceptions.PolarsError):
            return None
        tally = cls(search, FileFacts(**facts))
        counted = table.filter(pl.col("count").is_not_null())
        for (rule,), rows in counted.partition_by("rule", as_dict=True).items():
            tally.counts[str(rule)][rows["key"].to_numpy()] = rows["count"].to_numpy()
        tally.examples = [table.filter(pl.col("count").is_null()).drop("count")]
        return tally

    def table(self, words: Vocabulary, search: Search) -> pl.DataFrame:
        """A row for each pair and rule: `attribute`, `object`, `rule`, `count` and `examples`."""
        import polars as pl

        ids = np.arange(words.size)
        named = pl.DataFrame(
            {
                "attribute": pl.Series(words.attributes).gather(words.attribute_of(ids)),
                "object": pl.Series(words.objects).gather(words.object_of(ids)),
            }
        )
        pairs = pl.concat(
            named.with_columns(rule=pl.lit(rule), key=keys, count=self.counts[rule][keys])
            for rule, keys in search.keys.items()
        )
        examples = pl.concat([_no_rows(), *self.examples], how="diagonal").drop("count")
        grouped = examples.group_by("rule", "key", maintain_order=True).agg(examples="caption")
        joined = pairs.join(grouped, on=["rule", "key"], how="left", maintain_order="left")
        none = pl.lit([], dtype=pl.List(pl.String))
        return joined.drop("key").with_columns(pl.col("examples").fill_null(none))


def _no_rows() -> pl.DataFrame:
    import polars as pl

    types = {"rule": pl.String, "key": pl.Int64, "caption": pl.String, "count": pl.Int64}
    return pl.DataFrame(schema=types)
