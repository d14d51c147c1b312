"""From notebooks and prose to the rendered report."""
