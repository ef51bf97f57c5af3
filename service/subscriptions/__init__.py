"""Subscribe, confirm, change, unsubscribe, import: the rules, without HTTP."""
