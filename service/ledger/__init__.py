"""The ledger: the SQL that plans, claims, settles and counts deliveries.

Every change of state is a compare-and-set, every statement is right on SQLite and PostgreSQL, and
nothing here talks to the network. Callers own the transaction unless a docstring says otherwise.
"""
