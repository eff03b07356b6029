"""What an auditor does with the record: verify, replay, ask every rule of it, and compute its figures again."""
