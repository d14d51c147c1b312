"""`cood` and `python -m cood`: the commands, which need the extra `study`."""

import sys

from cood.errors import missing_package


def main() -> int:
    """Run the command that the user typed; one sentence if there are only the metrics."""
    try:
        from cood.cli import main as run
    except ModuleNotFoundError as error:
        print(f"cood: {missing_package(error)}", file=sys.stderr)
        return 1
    return run()


if __name__ == "__main__":
    sys.exit(main())
