"""Environment variables that a run sets for its jobs."""

PIPELINE = "COOD_PIPELINE"  # set where a command is a job of `cood reproduce`
