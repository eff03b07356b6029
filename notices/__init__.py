"""Templates and channels: from a row of references to a text for one recipient, and its way out (design, section 2)."""
