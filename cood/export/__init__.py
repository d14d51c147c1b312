"""A finished set as files that can be passed on, each form with a data card."""
