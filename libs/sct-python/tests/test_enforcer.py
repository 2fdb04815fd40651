"""The enforcer: its files, its memory, and whatever else is thrown at it."""

import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import countersign_sct
from cases import ACCEPTED, DEADLINE_S, Told, certificates, chain, enforcer, path
from countersign_sct import Enforcer, _enforcer, _native

DAY_S = 24 * 3600

#: 1.3.6.1.4.1.11129.2.4.2, the extension with the SCTs, as DER.
SCT_LIST = bytes.fromhex("060a2b06010401d679020402")


class Judging(unittest.TestCase):
    def test_every_case(self):
        by = enforcer()
        for case, accepted in ACCEPTED.items():
            with self.subTest(case=case):
                decision = by.judge(chain(case), "host.example")
                self.assertEqual(decision.action, "accept" if accepted else "refuse")
                self.assertEqual(by.judge(chain(case)).action, decision.action)

    def test_a_chain_without_its_root(self):
        by = enforcer()
        for case in ["good", "unlogged", "private"]:
            with self.subTest(case):
                sent = chain(case)[:-1]
                # What a server sends may end anywhere.
                self.assertEqual(by.judge(sent).action, "refuse")
                # An intermediate that a client trusts may be one of a public CA.
                accepted = by.refusal(sent, "host.example") is None
                self.assertEqual(accepted, case == "good")

    def test_no_chain_is_refused(self):
        decision = enforcer().judge([])
        self.assertEqual(decision.action, "refuse")
        self.assertIn("does not say", decision.reason)

    def test_the_ladder(self):
        issued = time.time()
        for profile, days, case, action, kinds in [
            ("default", 60, "unlogged", "refuse", []),
            ("default", 100, "unlogged", "refuse", ["list-old"]),
            ("default", 100, "good", "accept", ["list-old"]),
            # Only our clock says that it is so late.
            ("default", 200, "unlogged", "refuse", ["list-too-old"]),
            ("default", 800, "unlogged", "accept", ["list-too-old", "would-refuse"]),
            ("high-risk", 200, "unlogged", "refuse", ["list-too-old"]),
            ("high-risk", 200, "good", "accept", ["list-too-old"]),
        ]:
            with self.subTest(profile=profile, days=days, case=case):
                by = enforcer(profile=profile)
                decision = by.judge(chain(case), "host.example", issued + days * DAY_S)
                self.assertEqual(decision.action, action)
                self.assertEqual([kind for kind, _ in decision.warnings], kinds)

    def test_no_clock_is_no_way_out(self):
        by = enforcer(profile="high-risk")
        for now in [0.0, -1e300, 1e300, float("nan"), float("inf"), float("-inf")]:
            with self.subTest(now=now):
                self.assertEqual(by.judge(chain("unlogged"), None, now).action, "refuse")

    def test_turned_private_is_told(self):
        by = enforcer()
        self.assertIsNone(by.refusal(chain("good"), "host.example"))
        with Told() as told:
            for _ in range(3):
                self.assertIsNone(by.refusal(chain("private"), "host.example"))
            self.assertIsNone(by.refusal(chain("private"), "other.example"))
        self.assertEqual(len(told.sentences), 1)
        self.assertIn("host.example: this host had a certificate of a public CA", told.sentences[0])

    def test_anything_gets_an_answer(self):
        by, dice = enforcer(), random.Random(6)
        good = chain("good")
        for _ in range(3000):
            garbled = []
            for certificate in good[: dice.randrange(4)]:
                certificate = bytearray(certificate)
                for _ in range(dice.randrange(1, 6)):
                    certificate[dice.randrange(len(certificate))] = dice.randrange(256)
                end = dice.choice([None, dice.randrange(len(certificate))])
                garbled.append(bytes(certificate[:end]))
            by.judge(garbled, dice.choice([None, "", "a" * 10000, "h\0st", "höst"]))
            by.judge([dice.randbytes(dice.randrange(200)) for _ in range(dice.randrange(5))])
            # Logs have signed all that is in front of their promises: none of it can be changed.
            other = bytearray(good[0])
            other[dice.randrange(other.index(SCT_LIST) - 8)] ^= dice.randrange(1, 256)
            self.assertEqual(by.judge([bytes(other)] + good[1:]).action, "refuse")

    def test_what_is_no_chain_is_an_error_and_no_panic(self):
        by = enforcer()
        for odd in [None, 7, "text", ["text"], [None], [b"x", 1]]:
            with self.subTest(odd=odd), self.assertRaises(TypeError):
                by.judge(odd)
        self.assertRaises((TypeError, UnicodeError), by.judge, [b"x"], "\udcff")
        self.assertRaises((TypeError, ValueError), by.judge, [b"x"], "host", "now")

    def test_a_thousand_scts(self):
        good = chain("good")
        sct = scts_of(good[0])[0]
        unknown = [
            b"\0" + n.to_bytes(32, "big") + sct[33:43] + b"\4\3\0\2\0\0" for n in range(1000)
        ]
        for name, scts in {
            "unknown": unknown,
            # More of them do not fit into a certificate.
            "forged": [sct[:-4] + n.to_bytes(4, "big") for n in range(500)],
            "none": [],
        }.items():
            with self.subTest(name):
                certificate = with_scts(good[0], scts)
                started = time.monotonic()
                decision = enforcer().judge([certificate] + good[1:])
                self.assertEqual(decision.action, "refuse")
                # Debug builds, on a busy machine; 500 signatures would take longer.
                self.assertLess(time.monotonic() - started, 5)

    def test_threads_share_one(self):
        by, wrong = enforcer(), []
        chains = {case: chain(case) for case in ACCEPTED}

        def run():
            for _ in range(200):
                for case, accepted in ACCEPTED.items():
                    if (by.judge(chains[case], case).action == "accept") != accepted:
                        wrong.append(case)

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10 * DEADLINE_S)
        self.assertEqual(wrong, [])

    @unittest.skipUnless(os.path.exists("/proc/self/statm"), "memory is measured on Linux")
    def test_nothing_grows(self):
        by, good, unlogged = enforcer(), chain("good"), chain("unlogged")

        def run(times):
            for n in range(times):
                by.judge(good, "%d.example" % (n % 5000))
                by.judge(unlogged, "%d.example" % n)
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        # The memory is full then.
        before = run(5_000)
        self.assertLess(run(45_000) - before, 2_000_000)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name, content):
        name = os.path.join(self.folder, name)
        with open(name, "wb") as file:
            file.write(content)
        return name

    def test_a_list_that_is_refused_turns_nothing_off(self):
        with open(path("list"), "rb") as file:
            good = file.read()
        with open(path("list-keys"), "rb") as file:
            keys = file.read()
        text, signatures = good.split(b"\n\n")
        one = signatures.split(b"\n")[0] + b"\n"
        bad = {
            "cut off": good[:-20],
            "no signature": text + b"\n\n",
            "one signature": text + b"\n\n" + one,
            "one signature twice": text + b"\n\n" + one + one,
            "another version": good.replace(b"version 1000000", b"version 1000001"),
            "a bad line": good.replace(b"\noperator ", b"\noperators ", 1),
            "empty": b"",
            "not a text": bytes(range(256)),
            "endless": b"a\n" * 5_000_000,
        }
        built_in = Enforcer().list_version
        for name, content in bad.items():
            with self.subTest(name), Told() as told:
                self.refuses_still(enforcer(list=self.file("list", content)), built_in)
                self.assertEqual(len(told.sentences), 1, told.sentences)
                self.assertIn("the list of logs", told.sentences[0])
        for name, settings in {
            "no list": {"list": os.path.join(self.folder, "none")},
            "a folder": {"list": self.folder},
            "no keys": {"keys": None},
            "keys that cannot be read": {"keys": os.path.join(self.folder, "none")},
            "other keys": {"keys": self.file("other", keys.replace(b"one.", b"two."))},
            "keys that are none": {"keys": self.file("none", b"\xff")},
        }.items():
            with self.subTest(name), Told() as told:
                self.refuses_still(enforcer(**settings), built_in)
                self.assertGreaterEqual(len(told.sentences), 1)

    def refuses_still(self, by, version):
        self.assertEqual(by.list_version, version)
        # At no time before the list: the one of the package grows old, and this test does not.
        self.assertEqual(by.judge(chain("unlogged"), None, 0.0).action, "refuse")

    def test_roots_that_cannot_be_read(self):
        with open(path("root.pem"), "rb") as file:
            half = file.read()[:-40]
        for name, content in {"half": half, "bytes": b"\xff"}.items():
            with self.subTest(name), Told() as told:
                enforcer(public_roots=self.file("roots", content))
                self.assertIn("public roots", told.sentences[0])

    def test_roots_in_folders(self):
        folder = os.path.join(self.folder, "roots")
        os.mkdir(folder)
        with open(path("root.pem"), "rb") as file:
            root = file.read()
        self.file("roots/1.crt", b"-----BEGIN CERTIFICATE-----\nbroken")
        self.file("roots/2.pem", root)
        for roots in [folder, [os.path.join(self.folder, "none"), folder]]:
            with self.subTest(roots), Told() as told:
                by = enforcer(public_roots=roots)
                self.assertEqual(by.judge(chain("unlogged")).action, "refuse")
                self.assertEqual(len(told.sentences), 1 if roots == folder else 2, told.sentences)
        os.rename(os.path.join(folder, "2.pem"), os.path.join(folder, "2.txt"))
        with Told():
            by = enforcer(public_roots=folder)
        self.assertEqual(by.judge(chain("unlogged")).action, "accept")

    def test_roots_of_mozilla_are_added_by_themselves(self):
        self.file("root.crt", open_and_read(path("root.pem")))
        before, _enforcer.MOZILLA_ROOTS = _enforcer.MOZILLA_ROOTS, self.folder
        try:
            with Told() as told:
                for more in [{}, {"COUNTERSIGN_PUBLIC_ROOTS": path("private-root.pem")}]:
                    by = Enforcer.from_environment(more)
                    self.assertEqual(by.judge(chain("unlogged")).action, "refuse")
                _enforcer.MOZILLA_ROOTS = os.path.join(self.folder, "none")
                by = Enforcer.from_environment({})
                self.assertEqual(by.judge(chain("unlogged")).action, "accept")
            self.assertEqual(told.sentences, [])
        finally:
            _enforcer.MOZILLA_ROOTS = before

    def test_an_odd_profile_is_high_risk(self):
        with Told() as told:
            by = enforcer(profile="High-Risk")
        self.assertIn('"High-Risk" is neither', told.sentences[0])
        decision = by.judge(chain("unlogged"), None, time.time() + 800 * DAY_S)
        self.assertEqual(decision.action, "refuse")

    def test_the_environment(self):
        settings = {
            "COUNTERSIGN_LIST": path("list"),
            "COUNTERSIGN_LIST_KEYS": path("list-keys"),
            "COUNTERSIGN_PUBLIC_ROOTS": path("root.pem"),
            "COUNTERSIGN_MEMORY": os.path.join(self.folder, "memory"),
            "COUNTERSIGN_PROFILE": "high-risk",
        }
        with Told() as told:
            by = Enforcer.from_environment(settings)
            self.assertEqual(by.judge(chain("good"), "host.example").action, "accept")
            decision = by.judge(chain("unlogged"), None, time.time() + 800 * DAY_S)
            self.assertEqual(decision.action, "refuse")
            by.save()
            self.assertTrue(os.path.exists(settings["COUNTERSIGN_MEMORY"]))
            empty = Enforcer.from_environment({name: "" for name in settings})
            self.assertEqual(empty.list_version, Enforcer().list_version)
        self.assertEqual(told.sentences, [])

    def test_memory_outlives_the_process(self):
        memory = os.path.join(self.folder, "memory")
        program = (
            "import countersign_sct, cases\n"
            "by = cases.enforcer(memory=%r)\n"
            "assert by.judge(cases.chain('good'), 'first.example').action == 'accept'\n" % memory
        )
        here = os.path.dirname(os.path.abspath(__file__))
        subprocess.run([sys.executable, "-c", program], cwd=here, check=True, timeout=DEADLINE_S)
        self.assertEqual(stat.S_IMODE(os.stat(memory).st_mode), 0o600)
        by = enforcer(memory=memory)
        kinds = [kind for kind, _ in by.judge(chain("private"), "first.example").warnings]
        self.assertEqual(kinds, ["turned-private"])
        # What others have written in the meantime is kept.
        others = enforcer(memory=memory)
        for one, host in [(by, "second.example"), (others, "third.example")]:
            self.assertIsNone(one.refusal(chain("good"), host))
            one.save()
        last = enforcer(memory=memory)
        for host in ["first.example", "second.example", "third.example"]:
            self.assertEqual(len(last.judge(chain("private"), host).warnings), 1, host)
        self.assertEqual(os.listdir(self.folder), ["memory"])

    def test_nothing_else_is_overwritten(self):
        for content in [b"root:x:0:0\n", b"countersign-memory/2\n", b"\xff\xfe", b""]:
            with self.subTest(content), Told() as told:
                memory = self.file("memory", content)
                by = enforcer(memory=memory)
                self.assertIsNone(by.refusal(chain("good"), "host.example"))
                by.save()
                with open(memory, "rb") as file:
                    self.assertEqual(file.read(), content)
                self.assertGreaterEqual(len(told.sentences), 1)

    @unittest.skipIf(os.name != "posix", "links are something else elsewhere")
    def test_what_cannot_be_read_now_is_not_replaced(self):
        memory = os.path.join(self.folder, "memory")
        by = enforcer(memory=memory)
        self.assertIsNone(by.refusal(chain("good"), "host.example"))
        by.save()
        # Root can read everything, but not a link that leads to itself.
        os.replace(memory, memory + ".kept")
        os.symlink("memory", memory)
        for one in [by, enforcer(memory=memory)]:
            with Told() as told:
                self.assertIsNone(one.refusal(chain("good"), "other.example"))
                one.save()
            self.assertTrue(os.path.islink(memory))
            self.assertGreaterEqual(len(told.sentences), 1)

    def test_a_folder_that_is_not_there_is_told(self):
        with Told() as told:
            by = enforcer(memory=os.path.join(self.folder, "none", "memory"))
            self.assertIsNone(by.refusal(chain("good"), "host.example"))
            by.save()
        self.assertIn("not written down", told.sentences[0])

    def test_a_newer_list_is_taken_while_the_program_runs(self):
        with open(path("list"), "rb") as file:
            good = file.read()
        listed = self.file("list", b"not yet")
        with Told():
            by = enforcer(list=listed)
            old = by.list_version
            os.replace(self.file("new", good), listed)
            by._look_for_list()
            self.assertGreater(by.list_version, old)
            os.replace(self.file("new", b"broken"), listed)
            by._look_for_list()
            self.assertGreater(by.list_version, old)
        self.assertEqual(by.judge(chain("good")).action, "accept")

    def test_older_lists_are_not_taken(self):
        by = enforcer()
        with open(path("list"), "rb") as file:
            same = file.read()
        by.take(same)
        self.assertRaises(ValueError, by.take, same.replace(b"version 1000000", b"version 999999"))
        self.assertRaises(ValueError, Enforcer().take, same)

    @unittest.skipUnless(hasattr(os, "fork"), "there is no fork")
    def test_a_fork_amid_judgements(self):
        by, done = enforcer(), threading.Event()
        self.assertEqual(by.judge(chain("good"), "host.example").action, "accept")

        def run():
            while not done.is_set():
                by.judge(chain("unlogged"))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(30):
                child = os.fork()
                if child == 0:
                    signal.alarm(DEADLINE_S)
                    good = by.judge(chain("good"), "host.example").action == "accept"
                    remembers = len(by.judge(chain("private"), "host.example").warnings) == 1
                    os._exit(0 if good and remembers else 1)
                self.assertEqual(os.waitpid(child, 0)[1], 0)
        finally:
            done.set()
            for thread in threads:
                thread.join(DEADLINE_S)


class Telling(unittest.TestCase):
    def test_a_host_steers_no_terminal(self):
        by = enforcer()
        host = "a\x1b[2J\n\u202eb\u2028.example"
        self.assertIsNone(by.refusal(chain("good"), host))
        with Told() as told:
            self.assertIsNone(by.refusal(chain("private"), host))
        error = str(countersign_sct.CertificateTransparencyError(host))
        for sentence in [told.sentences[0], error]:
            self.assertIn("a\ufffd[2J\ufffd\ufffdb\ufffd.example", sentence)


class Module(unittest.TestCase):
    def test_nothing_else_is_compiled(self):
        public = [name for name in dir(_native) if not name.startswith("_")]
        self.assertEqual(sorted(public), ["Decision", "Enforcer"])

    def test_all_names_are_there(self):
        for name in countersign_sct.__all__:
            self.assertTrue(getattr(countersign_sct, name).__doc__, name)


def open_and_read(name):
    with open(name, "rb") as file:
        return file.read()


def elements(der):
    """The elements of a DER value: tag and content of each."""
    found = []
    while der:
        tag, length, start = der[0], der[1], 2
        if length & 0x80:
            start = 2 + (length & 0x7F)
            length = int.from_bytes(der[2:start], "big")
        found.append((tag, der[start : start + length]))
        der = der[start + length :]
    return found


def element(tag, content):
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content


def with_scts(der, scts):
    """The same certificate with other SCTs."""
    each = b"".join(len(sct).to_bytes(2, "big") + sct for sct in scts)
    scts = element(4, element(4, len(each).to_bytes(2, "big") + each))

    def rebuilt(der):
        result = b""
        for tag, content in elements(der):
            if content.startswith(SCT_LIST):
                content = SCT_LIST + scts
            elif tag in (0x30, 0xA3) and SCT_LIST in content:
                content = rebuilt(content)
            result += element(tag, content)
        return result

    return rebuilt(der)


def scts_of(der):
    at = der.index(SCT_LIST) + len(SCT_LIST)
    ((_, inner), *_) = elements(der[at:])
    ((_, tls),) = elements(inner)
    tls, found = tls[2:], []
    while tls:
        length = int.from_bytes(tls[:2], "big")
        found.append(tls[2 : 2 + length])
        tls = tls[2 + length :]
    return found


if __name__ == "__main__":
    unittest.main()
