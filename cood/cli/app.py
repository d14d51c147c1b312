"""The application that the commands register with, and how their errors become sentences."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cood.errors import CoodError, missing_package
from cood.pipeline.environment import PIPELINE

FAILED, STOPPED = 1, 130
STATUS_OF_ERROR = {"compare": 2}  # there, 1 means that the runs differ, as for `diff`

app = typer.Typer(
    name="cood",
    help="Compositional out-of-distribution evaluation of CLIP models.",
    epilog="`cood reproduce` makes a report; the commands of the stages are what it runs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

StudyName = Annotated[
    str,
    typer.Option("--study", metavar="NAME", help="Name of a file in workflow/studies/, or a path."),
]
Cores = Annotated[int, typer.Option("--cores", min=1, help="Number of cores to use.")]
ALL_CORES = os.cpu_count() or 1
MINI = "mini"


def say(text: str) -> None:
    """Report progress on stderr."""
    print(f"  {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status; an error is one sentence on stderr."""
    words = [str(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    command = next((word for word in words if not word.startswith("-")), "")
    if os.environ.get(PIPELINE):
        _die_with_parent()
    try:
        app(args=words, prog_name="cood")
    except SystemExit as stop:
        if stop.code == STOPPED:
            print(f"cood {command}: stopped; run it again to resume", file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else FAILED
    except CoodError as error:
        sentence = str(error)
    except ModuleNotFoundError as error:
        sentence = missing_package(error)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        sentence = f"{place}{error.strerror or error}"
    print(f"cood {command}: {sentence}", file=sys.stderr)
    return STATUS_OF_ERROR.get(command, FAILED)


def _die_with_parent() -> None:
    # Else the jobs of a killed run would go on beside those of the next run.
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
