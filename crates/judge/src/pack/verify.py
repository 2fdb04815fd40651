#!/usr/bin/env python3
"""Checks the log entries in this folder, with the Python standard library alone.

It shows that all files of the certificate say the same, and for each folder log-N that
  1. entry.bin is about the certificate that lies here, and about nothing else,
  2. the audit path leads from entry.bin to the root hash of the log's tree head (RFC 9162, 2.1.3.2),
  3. tree-head.signed.bin and tree-head.sig are what the log published, so that `openssl dgst -verify`
     (see VERIFY.txt) tells whether the log signed that root hash.

Run it in the folder where it lies: python3 verify.py
It prints a line for each of these. It ends with 0 if every entry was shown to be in its log, with 1 if something is
wrong, and with 2 if nothing is wrong but something is missing.
"""

import base64
import hashlib
import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
# The extensions that a log leaves out of what it records: the list of SCTs and the poison (RFC 6962, 3.1 to 3.3).
LEFT_OUT = [bytes.fromhex("060a2b06010401d679020402"), bytes.fromhex("060a2b06010401d679020403")]


class Wrong(Exception):
    """Something does not hold."""


def must(holds, what):
    if not holds:
        raise Wrong(what)


def sha256(data):
    return hashlib.sha256(data).digest()


def root_of(index, size, leaf_hash, path):
    """The root of the tree, climbing from a leaf along its audit path: RFC 9162, 2.1.3.2."""
    must(index < size, "the tree is too small for the entry")
    fn, sn, node = index, size - 1, leaf_hash
    for sibling in path:
        must(sn > 0, "the audit path is too long")
        if fn & 1 or fn == sn:
            node = sha256(b"\x01" + sibling + node)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha256(b"\x01" + node + sibling)
        fn, sn = fn >> 1, sn >> 1
    must(sn == 0, "the audit path is too short")
    return node


def tree_head(folder, log_id):
    """Time, size, root hash and signature of the tree head, as the log served it."""
    answer = folder / "tree-head.json"
    if answer.exists():  # RFC 6962, 4.3: get-sth
        head = json.loads(answer.read_bytes())
        signed = base64.b64decode(head["tree_head_signature"])
        root = base64.b64decode(head["sha256_root_hash"])
        return head["timestamp"], head["tree_size"], root, signature(signed)
    # c2sp.org/static-ct-api: a signed note. The signature line of the log itself carries its key id.
    text, lines = (folder / "checkpoint.txt").read_text(encoding="utf-8").split("\n\n", 1)
    origin, size, root = text.split("\n")[:3]
    key_id = sha256(origin.encode() + b"\n\x05" + log_id)[:4]
    for line in lines.splitlines():
        dash, name, body = (line.split(" ") + ["", ""])[:3]
        if dash != "\u2014" or name != origin:
            continue
        body = base64.b64decode(body)
        if body[:4] == key_id:
            timestamp = struct.unpack(">Q", body[4:12])[0]
            return timestamp, int(size), base64.b64decode(root), signature(body[12:])
    raise Wrong("the checkpoint has no signature line of this log")


def signature(digitally_signed):
    """What follows hash algorithm (1 byte), signature algorithm (1) and length (2): RFC 5246, 4.7."""
    return digitally_signed[4:]


def element(der, at):
    """Where the contents of a DER element begin, and where it ends."""
    length, contents = der[at + 1], at + 2
    if length >= 128:
        contents += length - 128
        length = int.from_bytes(der[at + 2 : contents], "big")
    return contents, contents + length


def wrap(tag, contents):
    length = len(contents)
    if length < 128:
        return bytes([tag, length]) + contents
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(octets)]) + octets + contents


def what_logs_record(certificate):
    """The TBSCertificate without poison and list of SCTs (RFC 6962, 3.2). Only lengths are written anew."""
    at, _ = element(certificate, 0)
    at, end = element(certificate, at)
    before = at
    while before < end and certificate[before] != 0xA3:  # extensions [3]
        before = element(certificate, before)[1]
    if before == end:
        return wrap(0x30, certificate[at:end])
    kept, left_out = b"", 0
    extension, last = element(certificate, element(certificate, before)[0])
    while extension < last:
        contents, after = element(certificate, extension)
        if any(certificate[contents:after].startswith(oid) for oid in LEFT_OUT):
            left_out += 1
        else:
            kept += certificate[extension:after]
        extension = after
    if not left_out:
        return wrap(0x30, certificate[at:end])
    extensions = wrap(0xA3, wrap(0x30, kept)) if kept else b""
    return wrap(0x30, certificate[at:before] + extensions)


def same_certificate(entry):
    """MerkleTreeLeaf of RFC 6962, 3.4: version, type, time (8 bytes), entry type (2), then what is recorded."""
    must(entry[:2] == b"\x00\x00", "the entry is of an unknown version")
    certificate, precertificate = HERE / "certificate.der", HERE / "precertificate.der"
    if entry[10:12] == b"\x00\x00":  # a certificate
        length = int.from_bytes(entry[12:15], "big")
        logged, shown = what_logs_record(entry[15 : 15 + length]), what_logs_record(certificate.read_bytes())
        must(logged == shown, "the entry is of another certificate")
        return
    must(entry[10:12] == b"\x00\x01", "the entry is of an unknown kind")  # a precertificate
    length = int.from_bytes(entry[44:47], "big")
    recorded = entry[47 : 47 + length]
    tbs = HERE / "tbs.der"
    must(not tbs.exists() or recorded == tbs.read_bytes(), "the entry is of another TBSCertificate")
    for file in (certificate, precertificate):
        if file.exists():
            must(recorded == what_logs_record(file.read_bytes()), f"the entry is not of {file.name}")


def check(folder):
    """Raises Wrong, or gives a sentence. The second value is whether everything was there."""
    entry = (folder / "entry.bin").read_bytes()
    leaf_hash = sha256(b"\x00" + entry)  # RFC 6962, 2.1
    must(leaf_hash.hex() == (folder / "leaf-hash.hex").read_text().strip(), "entry.bin has another leaf hash")
    same_certificate(entry)
    if not (folder / "inclusion.json").exists():
        return "there is no inclusion proof in this pack", False
    log_id = base64.b64decode(json.loads((folder / "log.json").read_bytes())["log_id"])
    proof = json.loads((folder / "inclusion.json").read_bytes())
    index, size = proof["leaf_index"], proof["tree_size"]
    path = [base64.b64decode(sibling) for sibling in proof["audit_path"]]
    timestamp, head_size, root, signed = tree_head(folder, log_id)
    must(size == head_size, "the proof is for a tree of another size than that of the tree head")
    must(root_of(index, size, leaf_hash, path) == root, "the audit path leads to another root hash")
    # TreeHeadSignature of RFC 6962, 3.5: version, type, time, size, root hash.
    head = b"\x00\x01" + struct.pack(">QQ", timestamp, size) + root
    must(head == (folder / "tree-head.signed.bin").read_bytes(), "tree-head.signed.bin is of another tree head")
    must(signed == (folder / "tree-head.sig").read_bytes(), "tree-head.sig is of another tree head")
    return f"entry {index} is in the log's tree of {size} entries", True


def certificates():
    """The .pem files, which openssl is shown, hold the .der files, which this program reads. SCTs are about them."""
    for pem in sorted(HERE.glob("*.pem")):
        body = "".join(pem.read_text().split("\n")[1:-2])
        must(base64.b64decode(body) == pem.with_suffix(".der").read_bytes(), f"{pem.name} is not {pem.stem}.der")
    # What is signed in an SCT has the very layout of an entry (RFC 6962, 3.2 and 3.4).
    for signed in sorted(HERE.glob("scts/*.signed.bin")):
        same_certificate(signed.read_bytes())
    return "the files of the certificate say the same", True


def main():
    checks = [("certificate", certificates)]
    for folder in sorted(HERE.glob("log-*"), key=lambda folder: (len(folder.name), folder.name)):
        checks.append((folder.name, lambda folder=folder: check(folder)))
    status = 0
    for name, look in checks:
        try:
            what, shown = look()
            print(f"{name}: {'ok' if shown else 'could not tell'}: {what}")
            status = status or (0 if shown else 2)
        except (Wrong, LookupError, OSError, ValueError, struct.error) as wrong:
            print(f"{name}: WRONG: {wrong}")
            status = 1
    sys.exit(status)


main()
