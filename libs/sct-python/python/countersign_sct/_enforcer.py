"""The enforcer: the compiled one, with its files."""

import atexit
import os
import time
import weakref
from typing import Dict, Mapping, Optional, Sequence, Union

from ._connection import checked
from ._files import MemoryFile, read_bytes, read_roots, read_text, stamp
from ._native import Decision
from ._native import Enforcer as Native
from ._telling import tell

#: Files are looked at, and the memory is written, once a minute at most.
FILES_EVERY_S = 60.0

#: Where Debian and its derivatives have the roots of Mozilla's programme, a file each. Those of a CA that the machine's
#: owner has added are not there.
MOZILLA_ROOTS = "/usr/share/ca-certificates/mozilla"


class Enforcer:
    """Demands SCTs. One for a whole program; threads share it.

    ``list`` is the path of a signed list of logs and ``keys`` that of the keys which sign it; without them, the list
    that comes with the package is used; so it is as long as it is newer. ``public_roots`` is the path of a PEM file, or
    of a folder with such files, or a list of such paths: roots that are held to Certificate Transparency besides the
    built-in ones. ``memory`` is the path of a file in which is kept what should be known after the next
    start. ``profile`` is ``default``, or ``high-risk`` for those to whom an interception is worse than no connection.

    What cannot be read or verified is told through ``logging``; it never turns enforcement off.
    """

    def __init__(
        self,
        *,
        list: Optional[str] = None,
        keys: Optional[str] = None,
        public_roots: Union[str, "os.PathLike[str]", Sequence[str], None] = None,
        profile: str = "default",
        memory: Optional[str] = None,
    ) -> None:
        if keys is not None and list is None:
            tell("settings", "keys", "countersign: there are keys for a list of logs, but no list")
        self._list_path = list
        self._list_stamp = stamp(list)
        self._memory_file = MemoryFile(memory)
        list_bytes = read_bytes(list, "the list of logs")
        list_keys = read_text(keys, "the keys of the list of logs")
        paths = [public_roots] if isinstance(public_roots, (str, os.PathLike)) else public_roots
        roots = read_roots(paths or ())
        # Kept, so that another one like it can be made after a fork.
        self._parts = (list_bytes, list_keys, roots, profile)
        self._native = Native(*self._parts, self._memory_file.text_at_start())
        for complaint in self._native.complaints:
            tell("settings", complaint, "countersign: " + complaint)
        self._classes: Dict[type, type] = {}
        self._looked = time.monotonic()
        self._remembered = ""
        _living.add(self)

    @classmethod
    def from_environment(cls, environment: Optional[Mapping[str, str]] = None) -> "Enforcer":
        """One as the variables ``COUNTERSIGN_…`` say; an empty one counts as not set.

        Mozilla's roots count as public too, where a distribution has them in a folder of their own.
        """
        variables = os.environ if environment is None else environment

        def variable(name: str) -> Optional[str]:
            return variables.get("COUNTERSIGN_" + name) or None

        roots = [variable("PUBLIC_ROOTS"), MOZILLA_ROOTS if os.path.isdir(MOZILLA_ROOTS) else None]
        return cls(
            list=variable("LIST"),
            keys=variable("LIST_KEYS"),
            public_roots=[path for path in roots if path],
            profile=variable("PROFILE") or "default",
            memory=variable("MEMORY"),
        )

    @property
    def list_version(self) -> int:
        """The version of the list of logs in use."""
        return self._native.list_version

    def take(self, list: bytes) -> None:
        """Takes a newer list; raises ``ValueError`` if it is not newer, or not signed by enough of the keys."""
        _, keys, roots, profile = self._parts
        if keys is None:
            raise ValueError("there are no keys to verify the list of logs")
        self._native.take(list, keys)
        self._parts = (list, keys, roots, profile)

    def judge(
        self, chain: Sequence[bytes], host: Optional[str] = None, now: Optional[float] = None
    ) -> Decision:
        """Judges a chain that was verified: certificates in DER, from the server's to the root.

        For programs that do not use ``ssl``. Warnings are in the decision, and not told. A chain without its root is
        refused unless it ends below a public one: nobody can tell whether it was cut off.
        """
        return self._native.judge([*chain], host, time.time() if now is None else now, False)

    def refusal(self, chain: Sequence[bytes], host: Optional[str] = None) -> Optional[str]:
        """Why a connection with this chain is refused, if it is; tells what there is to tell.

        The chain ends in what the client trusts, as ``ssl`` says. That need not be a root.
        """
        decision = self._native.judge([*chain], host, time.time(), True)
        for kind, sentence in decision.warnings:
            # What is said about the list is said once, the rest for each host.
            about = "" if kind.startswith("list-") else host or ""
            tell(kind, about, "countersign: %s%s" % (about and about + ": ", sentence))
        now = time.monotonic()
        if now - self._looked >= FILES_EVERY_S:
            self._looked = now
            self._look_for_list()
            self.save()
        return None if decision.action == "accept" else decision.reason

    def save(self) -> None:
        """Writes down now what should be known after the next start. Happens by itself, too."""
        self._memory_file.save(self._native)

    def checked_class(self, base: type) -> type:
        """The class of sockets, or of TLS objects, like ``base`` whose peers this enforcer judges."""
        made = self._classes.get(base)
        return made or self._classes.setdefault(base, checked(base, self))

    def _look_for_list(self) -> None:
        """A program may run for longer than a list is good for: what brings lists replaces the file."""
        found = stamp(self._list_path)
        if found == self._list_stamp:
            return
        self._list_stamp = found
        list_bytes = read_bytes(self._list_path, "the list of logs")
        if list_bytes is not None:
            try:
                self.take(list_bytes)
            except ValueError as why:
                tell("settings", str(why), "countersign: %s" % why)

    def _before_fork(self) -> None:
        self._remembered = self._native.memory()

    def _after_fork(self) -> None:
        # Another thread may have been judging when this process split off. It is not here, and the lock that it held
        # is never opened: so nothing of the old one is touched.
        self._native = Native(*self._parts, self._remembered)
        self._memory_file.after_fork()


#: Every enforcer, for what has to be done at the end and when a process splits.
_living: "weakref.WeakSet[Enforcer]" = weakref.WeakSet()


def _each(method: str) -> None:
    for enforcer in list(_living):
        getattr(enforcer, method)()


atexit.register(_each, "save")
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _each("_before_fork"), after_in_child=lambda: _each("_after_fork")
    )
