"""The claims of the papers, their tests and verdicts."""
