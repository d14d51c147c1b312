"""Whether compositions are novel to a training set."""
