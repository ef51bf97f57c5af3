"""All tests. A package of its own: some that are installed bring one of the same name."""
