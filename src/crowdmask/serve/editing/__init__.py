"""Change a site while it runs; what was changed stands in a file beside the operator's."""
