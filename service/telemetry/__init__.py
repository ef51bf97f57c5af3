"""What a process says of itself while it works: counts, signs of life, and traces."""
