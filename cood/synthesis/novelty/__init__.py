"""Whether a composition is new to a training set: what its captions and its images hold."""
