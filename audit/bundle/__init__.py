"""The auditor's bundle: one file that holds the whole record of a campaign and what is needed to verify it."""
