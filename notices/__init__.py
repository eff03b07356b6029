"""Templates and channels. Empty in this release: the outbox is filled and nothing is sent yet."""
