"""From a bank's bytes to the contract's records: the mapping language, its compiler, and what runs it."""
