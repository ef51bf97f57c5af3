"""The scale plan: unit costs, partitions, a simulated day, and what it is worth."""
