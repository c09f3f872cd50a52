"""Detect in millions of photos: sources are listed, shares go to workers, whole Parquet shards come out."""
