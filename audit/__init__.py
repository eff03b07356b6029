"""What an auditor does with the record: verify the ledger alone, and replay the engine's histories against it."""
