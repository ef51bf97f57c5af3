"""The capacity plan: what a city of a certain size needs, from measured costs of one of each.

Arithmetic alone: no database, no settings, no network. `costs.json` is written by
`python -m tests.bench.costs`, and holds the source of each of its numbers.
"""
