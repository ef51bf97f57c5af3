"""What pull mode keeps in the database: whose turn it is, what is new, what became of it.

No network: `workers.pull` fetches, between these transactions.
"""
