"""The family gateway: one-time codes, and the key that signs what a family does itself (design, section 9)."""
