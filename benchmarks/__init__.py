"""Speed and memory of the slow parts, as ratios within one run: `nox -s bench`."""
