"""Tells people what they should know, through ``logging``, and not again and again."""

import logging
import time
from typing import Dict, Tuple

#: Without any set-up, Python writes warnings of a logger to stderr.
LOGGER = logging.getLogger("countersign_sct")

#: The same is told again after an hour: a log that is full of it is not read.
AGAIN_S = 3600.0

#: Different things that are remembered as told. Hosts are among them, so there is no end of them.
TOLD_MAX = 1024

_told: Dict[Tuple[str, str], float] = {}


def tell(kind: str, about: str, sentence: str) -> None:
    """Logs a warning, unless one of this kind about the same was logged within the hour."""
    now = time.monotonic()
    last = _told.get((kind, about))
    if last is not None and now - last < AGAIN_S:
        return
    if len(_told) >= TOLD_MAX:
        _told.clear()
    _told[(kind, about)] = now
    LOGGER.warning("%s", sentence)
