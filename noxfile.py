import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests"]

PYPROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str) -> None:
    """Install the locked environment; an active conda environment (`--no-venv`) is left alone."""
    if not session.virtualenv.is_sandboxed:
        return
    session.env["UV_COMPILE_BYTECODE"] = "1"  # else every stage compiles torch anew
    wanted = nox.project.dependency_groups(PYPROJECT, *groups) if groups else ()
    session.install("-r", "requirements.lock", *wanted, "-c", "requirements.lock")
    session.install("--no-deps", "-e", ".")


@nox.session(default=False, reuse_venv=True)
def reproduce(session: nox.Session) -> None:
    """Make the report: nox -s reproduce -- [--study NAME] [--cores N] [-n]."""
    install(session)
    session.run("python", "-m", "cood", "reproduce", *session.posargs)


@nox.session(default=False, reuse_venv=True)
def notebook(session: nox.Session) -> None:
    """Run one notebook with other parameters: nox -s notebook -- benchmark -p id_split shared."""
    install(session)
    session.run("python", "-m", "cood", "notebook", *session.posargs)


@nox.session(default=False, reuse_venv=True)
def book(session: nox.Session) -> None:
    """Render the book again from what has been run: nox -s book [-- --study NAME]."""
    install(session)
    session.run("python", "-m", "cood", "book", *session.posargs)


@nox.session(reuse_venv=True)
def lint(session: nox.Session) -> None:
    """Check style, formatting and types."""
    install(session, "lint", "tests")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session(reuse_venv=True)
def tests(session: nox.Session) -> None:
    """Run the tests: nox -s tests [-- PYTEST OPTIONS]."""
    install(session, "tests")
    session.run("pytest", *session.posargs)


@nox.session(default=False, reuse_venv=True)
def bench(session: nox.Session) -> None:
    """Measure speed and memory: nox -s bench."""
    install(session)
    session.run("python", "-m", "benchmarks", *session.posargs)
