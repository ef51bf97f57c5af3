"""How many letters leave in a second, against the tools that operators know."""
