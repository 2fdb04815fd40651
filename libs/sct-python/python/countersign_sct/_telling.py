"""Tells people what they should know, through ``logging``, and not again and again."""

import logging
import time
import unicodedata
from typing import Dict, Tuple

#: Without any set-up, Python writes warnings of a logger to stderr.
LOGGER = logging.getLogger("countersign_sct")

#: The same is told again after an hour: a log that is full of it is not read.
AGAIN_S = 3600.0

#: Different things that are remembered as told. Hosts are among them, so there is no end of them.
TOLD_MAX = 1024

_told: Dict[Tuple[str, str], float] = {}


def plain(text: str) -> str:
    """A text that does not steer a terminal, nor turns around what stands beside it.

    Names of hosts come from others, in part.
    """
    return "".join("\ufffd" if unicodedata.category(char) in _STEERING else char for char in text)


#: Control and format characters, halves of others, and ends of lines and paragraphs.
_STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")


def tell(kind: str, about: str, sentence: str) -> None:
    """Logs a warning, unless one of this kind about the same was logged within the hour."""
    now = time.monotonic()
    last = _told.get((kind, about))
    if last is not None and now - last < AGAIN_S:
        return
    if len(_told) >= TOLD_MAX:
        _told.clear()
    _told[(kind, about)] = now
    LOGGER.warning("%s", plain(sentence))
