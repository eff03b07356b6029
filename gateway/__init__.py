"""The family gateway: codes, text messages, papers, and the key that signs a family's own acts (design, section 9)."""
