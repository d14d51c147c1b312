"""Running the pipeline: planning, checks and execution."""
