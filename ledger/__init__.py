"""The record: events, notice outbox, holds, the board and archived histories, in one schema."""
