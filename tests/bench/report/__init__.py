"""`make bench`: all benches in one run, and one page of what they found."""
