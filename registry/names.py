"""Names of people as they are compared; what is shown stays as it was written. DOMAIN §5.2."""

from __future__ import annotations

import re
import unicodedata

_DOTS = re.compile(r"[\u2022\u2027\u2219\u22c5\u2e31\u2e33\u30fb.]")
_BLANKS = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]")


def name_key(name: str) -> str:
    """Return a name for comparison: half-width, no blanks (张　× is 张×), one kind of dot in minority names."""
    return _BLANKS.sub("", _DOTS.sub("·", unicodedata.normalize("NFKC", name)))
