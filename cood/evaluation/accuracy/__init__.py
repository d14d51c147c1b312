"""Zero-shot and in-distribution accuracy, composed retrieval, and baselines."""
