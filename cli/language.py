"""Which language this process speaks, known before anything heavy is imported.

`settings` decides the same from the same sources and refuses what cannot be used; help and usage errors must not wait
for it.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Literal, cast

Language = Literal["zh", "en"]

LANGUAGES: Final = ("zh", "en")


def spoken(arguments: Sequence[str], environ: Mapping[str, str]) -> Language:
    """Return the language of `--lang`, else of `DIVERSION_LANG`, else of `LANG`, else Chinese."""
    given = [argument.partition("=")[2] for argument in arguments if argument.startswith("--lang=")]
    given += [value for option, value in itertools.pairwise(arguments) if option == "--lang"]
    own = environ.get("DIVERSION_LANG", "").strip()
    machine = re.split(r"[_.@]", environ.get("LANG", ""), maxsplit=1)[0].lower()
    found = next((value for value in (*given, own, machine) if value in LANGUAGES), "zh")
    return cast("Language", found)


LANG: Final = spoken(sys.argv[1:], os.environ)
"""The language of this process."""


def say(zh: str, en: str) -> str:
    """Return the text in the language of this process."""
    return en if LANG == "en" else zh
