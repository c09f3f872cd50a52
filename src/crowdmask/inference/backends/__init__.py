"""The runtimes that can run a model file: one file each, joined by `registry`."""
