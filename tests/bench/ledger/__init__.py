"""What the ledger costs: planning against a bare insert, memory, and growth."""
