"""Tables, figures and sentences of one page of the report, in a module of the name of its notebook.

A notebook without a module here needs nothing beyond `cood.report.tables` and `cood.report.plots`.
"""
