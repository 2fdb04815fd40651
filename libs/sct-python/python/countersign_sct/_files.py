"""Files that an enforcer reads, and the one that it writes."""

import os
import tempfile
import threading
from typing import List, Optional, Sequence, Tuple

from ._native import Enforcer as Native
from ._telling import tell

#: Bytes of a file that are read. A list has 8,000; a memory of 4,096 hosts has 400,000; the roots of all programmes
#: have a million.
FILE_BYTES_MAX = 8 * 1024 * 1024

#: Files of a folder that are read. Mozilla's roots are 150.
FILES_MAX = 1000


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


def read_roots(paths: Sequence[str]) -> List[str]:
    """The texts of files in PEM, and of those in folders whose names end in ``.crt`` or ``.pem``."""
    texts = []
    for path in paths:
        for file in _files_of(path):
            text = read_text(file, "further public roots")
            if text is not None:
                texts.append(text)
    return texts


def _files_of(path: str) -> List[str]:
    try:
        names = sorted(name for name in os.listdir(path) if name.endswith((".crt", ".pem")))
    except (OSError, ValueError):
        # A file, or nothing: reading it tells.
        return [path]
    if not names or len(names) > FILES_MAX:
        sentence = "countersign: %s has %d files of further public roots; at most %d are read"
        tell("settings", path, sentence % (path, len(names), FILES_MAX))
    return [os.path.join(path, name) for name in names[:FILES_MAX]]


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

    Nothing else is ever overwritten, for a path can be mistyped; and neither is what cannot be read just now.
    Several programs may share one: each merges what it knows with what is there. Of two that write in the same
    instant, the later one wins; the other writes again when it has learned something more.
    """

    def __init__(self, path: Optional[str]) -> None:
        self._path = path
        self._written: Optional[str] = None
        self._lock = threading.Lock()

    def text_at_start(self) -> Optional[str]:
        """What was written down; nothing if there is no file yet."""
        try:
            self._written = self._text()
        except (OSError, ValueError) as why:
            tell("settings", self._path or "", "countersign: what was remembered cannot be read: %s" % why)
        return self._written

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
        if self._path is None:
            return None
        try:
            with open(self._path, "rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        if len(content) > FILE_BYTES_MAX:
            raise ValueError("larger than 8 MiB")
        return content.decode()

    def _replace(self, text: str) -> None:
        assert self._path is not None
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
