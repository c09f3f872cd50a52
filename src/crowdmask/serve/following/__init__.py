"""Follow a running site: what happens, and what its cameras see now."""
