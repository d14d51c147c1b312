import hashlib
import importlib.util
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests"]
nox.options.reuse_venv = "yes"


def install(session: nox.Session) -> None:
    """Install the locked environment once; an active conda environment is left alone."""
    if not session.virtualenv.is_sandboxed:
        return
    stamp = Path(session.virtualenv.location) / "cood-installed"
    inputs = [Path(name).read_bytes() for name in ("requirements.lock", "pyproject.toml")]
    state = hashlib.sha256(b"".join(inputs)).hexdigest()
    if stamp.is_file() and stamp.read_text() == state:
        return  # nothing to fetch, so that it works without a network
    # Byte-code: else each stage compiles torch anew where PYTHONDONTWRITEBYTECODE is set.
    session.install("-r", "requirements.lock", env={"UV_COMPILE_BYTECODE": "1"})
    session.install("--no-deps", "-e", ".")
    stamp.write_text(state)


@nox.session(default=False)
def reproduce(session: nox.Session) -> None:
    """Make the report: nox -s reproduce -- [--study NAME] [--cores N] [-n]."""
    install(session)
    session.run("python", "-m", "cood", "reproduce", *session.posargs)


def made() -> str:
    """Python of the environment that `reproduce` made, or of the active one."""
    python = Path(".nox", "reproduce", "bin", "python").absolute()
    return str(python) if python.is_file() else "python"


@nox.session(default=False, venv_backend="none")
def evaluate(session: nox.Session) -> None:
    """Evaluate any CLIP on your images: nox -s evaluate -- CHECKPOINT --images FOLDER."""
    if made() == "python" and importlib.util.find_spec("open_clip") is None:
        # The environment of the report, so that there are not two of them.
        session.run("nox", "-s", "reproduce", "--install-only", external=True)
    session.run(made(), "-m", "cood", "evaluate", *session.posargs)


@nox.session(default=False, venv_backend="none")
def notebook(session: nox.Session) -> None:
    """Run one notebook with other parameters: nox -s notebook -- accuracy -p models=vit."""
    session.run(made(), "-m", "cood", "notebook", *session.posargs)


@nox.session(default=False, venv_backend="none")
def book(session: nox.Session) -> None:
    """Render the book again from what has been run: nox -s book [-- --study NAME] [--pdf]."""
    session.run(made(), "-m", "cood", "book", *session.posargs)


@nox.session(default=False, venv_backend="none")
def linkcheck(session: nox.Session) -> None:
    """Ask for every web link of the book, which takes a network: nox -s linkcheck."""
    session.run(made(), "-m", "cood", "linkcheck", *session.posargs)


@nox.session(default=False, venv_backend="none")
def bench(session: nox.Session) -> None:
    """Measure speed and memory: nox -s bench [-- --only NAME]."""
    session.run(made(), "-m", "benchmarks", *session.posargs)


@nox.session(default=False, venv_backend="none")
def plan(session: nox.Session) -> None:
    """Say what a study takes, and what is done: nox -s plan -- --study paper."""
    session.run(made(), "-m", "cood", "plan", *session.posargs)


@nox.session(default=False, venv_backend="none")
def doctor(session: nox.Session) -> None:
    """Say what a study lacks on this machine: nox -s doctor -- --study paper."""
    session.run(made(), "-m", "cood", "doctor", *session.posargs)


@nox.session(default=False, venv_backend="none")
def compare(session: nox.Session) -> None:
    """Say what differs between two runs: nox -s compare -- RESULTS_A RESULTS_B [--csv FILE]."""
    session.run(made(), "-m", "cood", "compare", *session.posargs, success_codes=[0, 1])


@nox.session(default=False, venv_backend="none")
def cluster(session: nox.Session) -> None:
    """Run the study smoke on a SLURM of two nodes on this machine, one of which dies."""
    session.run(made(), "-m", "tests.cluster")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, types and the order of the packages."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests: nox -s tests [-- PYTEST OPTIONS]."""
    install(session)
    # Whole files, in the order of collection: the longest come first (tests/conftest.py).
    side_by_side = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
    session.run("pytest", *side_by_side, "--no-loadscope-reorder", *session.posargs)


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """Try the last report and a review sheet in Chromium: nox -s browser [-- PYTEST OPTIONS]."""
    install(session)
    project = nox.project.load_toml("pyproject.toml")
    session.install(*nox.project.dependency_groups(project, "browser"))
    files = ["tests/curation/verification/browser_sheet.py", "tests/report/browser_pages.py"]
    session.run("pytest", *files, *session.posargs)
