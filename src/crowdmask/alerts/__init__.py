"""Tell people and machines when something is wrong: rules over what cameras see, and ways to tell."""
