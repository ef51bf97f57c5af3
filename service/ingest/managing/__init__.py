"""What staff do with sources, by page, API or command line: each act is one function, which checks,
changes and records it in the caller's transaction."""
