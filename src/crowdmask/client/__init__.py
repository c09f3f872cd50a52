"""Ask a running service from Python: the same values as of `Detector`, without a model on this machine."""
