"""Which images stay in a set, and which compositions are novel."""
