"""Hashes of what a stage depends on besides its settings: its code, and inputs given by path.

The code of a stage is every module that its entry function reaches in the import graph, imports
inside of functions included, and the data files of those packages. Settings count by their values,
which the rules of the Snakefile list, so the graph is not followed into `cood.settings`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import grimp

from cood.catalogue.sources import local_path
from cood.files import REMOTE, atomic, files_below, find_files, listing
from cood.settings.study_file import Study
from cood.stages import STAGES

ROOT = Path(__file__).parents[1]
BY_VALUE = "cood.settings"
DATA = {".csv", ".html", ".json", ".yaml"}
LENGTH = 12  # hexadecimal digits
GRAPH_CACHE = ".import-graph"  # in the folder of results
BLOCK = 2**20  # bytes read at a time


def code_of(stage: str) -> str:
    """Fingerprint of the code of a stage."""
    return fingerprint(reached([STAGES[stage].module]))


def code_of_notebook(notebook: Path) -> str:
    """Fingerprint of the code that a notebook and the function that runs it reach."""
    return fingerprint(reached_by_notebook(notebook))


def reached_by_notebook(notebook: Path) -> list[str]:
    """Modules that a notebook and the function that runs it reach."""
    return reached([STAGES["notebook"].module, *modules_named(notebook.read_text())])


def code_of_book(pages: Iterable[Path]) -> str:
    """Fingerprint of the code that renders the book, and of the modules that its pages document."""
    named = [name for page in pages for name in modules_named(page.read_text())]
    return fingerprint(reached([STAGES["book"].module, *named]))


def reached(entries: Iterable[str]) -> list[str]:
    """Names of all modules that some modules import, directly or not, themselves included."""
    graph, queue, found = import_graph(), list(entries), set()
    while queue:
        module = queue.pop()
        if module in found or module == BY_VALUE or module.startswith(f"{BY_VALUE}."):
            continue
        found.add(module)
        queue.extend(graph.find_modules_directly_imported_by(module))
    return sorted(found)


def fingerprint(modules: Iterable[str]) -> str:
    """Short hash of the source of some modules and of the data files in their packages."""
    files = {file for module in modules for file in _files(module)}
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0")
        digest.update(file.read_bytes())
    return digest.hexdigest()[:LENGTH]


def modules_named(text: str) -> list[str]:
    """Modules of `cood` that a notebook imports or a page names."""
    known = import_graph().modules
    names: list[str] = []
    for package, imported in re.findall(r"\b(cood(?:\.\w+)*)(?: import ([\w, ]+))?", text):
        candidates = [package, *(f"{package}.{n.strip()}" for n in imported.split(","))]
        names += [name for name in candidates if name in known and name != "cood"]
        # `cood.module.function` names the module that holds the function.
        names += [package.rpartition(".")[0]] if package not in known else []
    return sorted({name for name in names if name in known})


@cache
def import_graph() -> grimp.ImportGraph:
    """Import graph of the package, without what is imported for type checking only."""
    from cood.paths import project_root

    kept = project_root() / "results"
    return grimp.build_graph(
        "cood",
        exclude_type_checking_imports=True,
        # By default the cache would be in the current folder, which may not be the project's.
        cache_dir=str(kept / GRAPH_CACHE) if kept.is_dir() else None,
    )


def _files(module: str) -> Iterator[Path]:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise LookupError(f"module {module} has no source file")
    source = Path(spec.origin)
    yield source
    for place in source.parent.iterdir():
        if place.is_dir() and not (place / "__init__.py").is_file():
            yield from (file for file in place.rglob("*") if file.suffix in DATA)
        elif place.suffix in DATA:
            yield place


class Contents:
    """Content hashes of files and folders that a study names, kept beside their size and time.

    A file is read again only if its size, a time of change or its place on the disk differs from
    when it was hashed.
    """

    def __init__(self, study: Study) -> None:
        self._study, self._root = study, study.paths.root
        self._file = study.paths.results / "contents.json"
        self._kept: dict[str, list[object]] = {}
        if self._file.is_file():
            self._kept = json.loads(self._file.read_text())

    def of(self, named: str | None) -> str:
        """Hash of what a setting such as ``local-dir:PATH`` or ``file:PATH`` names.

        Empty for what is not on this machine, and for names of published weights.
        """
        path = None if named is None else local_path(named)
        if path is None:
            return ""
        place = self._root / path.expanduser()
        files = files_below(place) if place.is_dir() else [place]
        digest = hashlib.sha256()
        for file in filter(Path.is_file, files):
            digest.update(str(file.relative_to(place)).encode(errors="replace") + b"\0")
            digest.update(self._hash(file).encode())
        return digest.hexdigest()[:LENGTH]

    def listing(self, places: Iterable[str]) -> str:
        """Hash of names, sizes and times of the files that paths, globs and folders name.

        Addresses count by their names.
        """
        files = find_files(list(places), self._root, endings=[""])
        addresses = "".join(file for file in files if REMOTE in file)
        return listing(map(Path, files), self._root) + addresses

    def keep(self) -> None:
        """Write the hashes, so that the next run need not read the files again."""
        if self._kept and self._file.parent.is_dir():
            with atomic(self._file) as temporary:
                temporary.write_text(json.dumps(self._kept, indent=1))

    def _hash(self, file: Path) -> str:
        now = file.stat()
        # When its entry changed too: a copy may bring the size and the time of another file along.
        about = [now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino]
        known = self._kept.get(str(file))
        if known is None or known[:-1] != about:
            digest = hashlib.sha256()
            with file.open("rb") as stream:
                while block := stream.read(BLOCK):
                    digest.update(block)
            known = [*about, digest.hexdigest()]
            self._kept[str(file)] = known
        return str(known[-1])
