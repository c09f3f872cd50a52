"""Detect in millions of photos: list them, distribute shares to workers, write complete Parquet shards."""
