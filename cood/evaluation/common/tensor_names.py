"""Names of tensors in files of embeddings that depend on the study."""

ABLATED = "compositions, "  # start of the names of tensors with other templates


def ablated(name: str) -> str:
    """Name of the tensor of compositions that were embedded with other templates.

    Examples
    --------
    >>> ablated("bare")
    'compositions, bare'
    """
    return f"{ABLATED}{name}"
