"""Names in the markup of figures and tables, on which those who write it and the pages agree."""

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
MARK = "mark"  # class of an element with a label
FIXED_COLOURS = "fixed-colours"  # class of what keeps its colours on a dark page
LONG_TABLE = "long-table"  # class of a table that is folded
VERDICTS = "verdicts"  # class of the table of verdicts, which is not folded, however long it is
