"""Files that an enforcer reads, and the one that it writes."""

import os
import tempfile
import threading
from typing import Optional, Tuple

from ._native import Enforcer as Native
from ._telling import tell

#: Bytes of a file that are read. A list has 8,000; a memory of 4,096 hosts has 400,000; the roots of all programmes
#: have a million.
FILE_BYTES_MAX = 8 * 1024 * 1024

#: What the file of a memory begins with. Nothing else is ever overwritten: a path can be mistyped.
MEMORY_BEGINS = "countersign-memory/1\n"


def read_bytes(path: Optional[str], what: str) -> Optional[bytes]:
    """What is in a file; nothing, and it is told, if it cannot be read."""
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as why:
        tell("settings", path, "countersign: cannot read %s: %s" % (what, why))
        return None
    if len(content) > FILE_BYTES_MAX:
        tell("settings", path, "countersign: %s (%s): larger than 8 MiB" % (what, path))
        return None
    return content


def read_text(path: Optional[str], what: str) -> Optional[str]:
    """The same for a text."""
    content = read_bytes(path, what)
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        tell("settings", path or "", "countersign: %s (%s): not a text in UTF-8" % (what, path))
        return None


def stamp(path: Optional[str]) -> Optional[Tuple[int, int, int]]:
    """Differs if the file was replaced or written to."""
    if path is None:
        return None
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)


class MemoryFile:
    """Where an enforcer writes down what should be known after the next start.

    Several programs may share one: each merges what it knows with what is there. Of two that write in the same
    instant, the later one wins; the other writes again when it has learned something more.
    """

    def __init__(self, path: Optional[str]) -> None:
        self._path = path
        self._written: Optional[str] = None
        self._lock = threading.Lock()

    def text_at_start(self) -> Optional[str]:
        """What was written down; nothing if there is no file yet."""
        text = self._text()
        self._written = text
        return text

    def save(self, native: Native) -> None:
        """Writes down what has been learned since. Another thread that is about to do the same is left to it."""
        if self._path is None or not self._lock.acquire(blocking=False):
            return
        try:
            known = native.memory()
            if known != self._written:
                there = self._text()
                self._replace(known if there is None else native.memory_with(there))
                self._written = known
        except (OSError, ValueError) as why:
            sentence = "countersign: what was remembered is not written down in %s: %s"
            tell("memory", self._path, sentence % (self._path, why))
        finally:
            self._lock.release()

    def after_fork(self) -> None:
        """The lock may be held by a thread that is not in this process."""
        self._lock = threading.Lock()

    def _text(self) -> Optional[str]:
        if self._path is None or not os.path.exists(self._path):
            return None
        return read_text(self._path, "what was remembered")

    def _replace(self, text: str) -> None:
        assert self._path is not None
        if os.path.exists(self._path):
            with open(self._path, "rb") as file:
                if file.read(len(MEMORY_BEGINS)) != MEMORY_BEGINS.encode():
                    raise ValueError("there is something else")
        folder, name = os.path.split(self._path)
        # Created with mode 0600.
        descriptor, temporary = tempfile.mkstemp(prefix="." + name + ".", dir=folder or ".")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            os.replace(temporary, self._path)
        except BaseException:
            os.unlink(temporary)
            raise
