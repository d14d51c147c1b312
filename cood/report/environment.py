"""Environment variables that the report sets for its notebooks."""

OUTPUT_VARIABLE = "COOD_OUTPUT"  # folder in which a running notebook saves its tables
