"""Verifies a besked-evidence/1 file: a second opinion that shares no code with the program.

Written from the public texts alone: RFC 6962 and RFC 9162 (trees and proofs), RFC 8949 (CBOR), and the C2SP
specifications signed-note, tlog-checkpoint and tlog-proof. Usage: verify_evidence.py FILE VKEY
Prints one line for each entry; exits with 1 and one line of reason where anything is not as it must be.
"""

import base64
import hashlib
import hmac
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def mac(salt, body):
    return hmac.new(salt, body, hashlib.sha256).digest()


def b64(text):
    data = base64.b64decode(text, validate=True)
    assert base64.b64encode(data).decode() == text, "base64 in another spelling"
    return data


def cbor(data, at=0):
    """Reads one item of the subset in use: unsigned integers, bytes, text, arrays, null."""
    major, small = data[at] >> 5, data[at] & 31
    at += 1
    if data[at - 1] == 0xF6:
        return None, at
    if small < 24:
        value = small
    else:
        size = {24: 1, 25: 2, 26: 4, 27: 8}[small]
        value = int.from_bytes(data[at : at + size], "big")
        at += size
    if major == 0:
        return value, at
    if major in (2, 3):
        body = data[at : at + value]
        assert len(body) == value, "cut short"
        return (body if major == 2 else body.decode()), at + value
    assert major == 4, "not in the subset"
    items = []
    for _ in range(value):
        item, at = cbor(data, at)
        items.append(item)
    return items, at


def whole(data):
    item, end = cbor(data)
    assert end == len(data), "bytes after the end"
    return item


def root_from_path(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2."""
    assert index < size, "no such leaf"
    node, last, value = index, size - 1, leaf
    for sibling in path:
        assert last > 0, "path too long"
        if node % 2 == 1 or node == last:
            value = sha256(b"\x01", sibling, value)
            while node % 2 == 0 and node != 0:
                node >>= 1
                last >>= 1
        else:
            value = sha256(b"\x01", value, sibling)
        node >>= 1
        last >>= 1
    assert last == 0, "path too short"
    return value


def open_checkpoint(note, vkey):
    """C2SP signed-note and tlog-checkpoint."""
    name, key_id, key = vkey.split("+", 2)
    key = b64(key)
    assert key[0] == 1, "not an Ed25519 key"
    assert sha256(name.encode(), b"\n", key)[:4].hex() == key_id, "the key's id is not its id"
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = b64(signature)
        if dash == "\u2014" and signer == name and signature[:4].hex() == key_id:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], text.encode())
            origin, size, root = text.splitlines()[:3]
            assert origin == name, "the checkpoint of another log"
            return int(size), b64(root)
    raise AssertionError("not signed by this key")


def main(path, vkey):
    with open(path, encoding="utf-8") as file:
        evidence = json.load(file)
    assert evidence["format"] == "besked-evidence/1"
    batches, closed, digests, notice = [], None, set(), None
    for entry in evidence["entries"]:
        head, note = entry["proof"].split("\n\n", 1)
        lines = head.split("\n")
        assert lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("index ")
        index, path = int(lines[1][6:]), [b64(line) for line in lines[2:]]
        size, root = open_checkpoint(note, vkey)
        leaf = b64(entry["leaf"])
        assert root_from_path(sha256(b"\x00", leaf), index, size, path) == root, "not in the tree"
        version, fact_mac, person_mac = whole(leaf)
        fact = b64(entry["fact"])
        assert version == 1 and mac(b64(entry["fact_salt"]), fact) == fact_mac, "another fact"
        actor = "somebody who is not named"
        if entry["person"] is not None:
            person = b64(entry["person"])
            assert mac(b64(entry["person_salt"]), person) == person_mac, "another person"
            if person:
                actor = whole(person)[2]
                digests.add(whole(person)[3])
        event, detail = whole(fact)[3], whole(fact)[9]
        # The notice, its category and the digest of its content: what operators did counts for what was sent.
        if whole(fact)[0] is not None:
            assert notice in (None, whole(fact)[:3]), "of another notice or content"
            notice = whole(fact)[:3]
        if event == "manifest":
            assert not batches, "a second manifest"
            batches = [(0, detail[0], detail[1])]
        if event == "addressed":
            first, count, root = detail
            assert first == batches[-1][0] + batches[-1][1], "recipients with other ordinals"
            batches.append((first, count, root))
        if event == "closed":
            assert closed is None, "closed twice"
            closed = sum(detail[1::2])
            assert closed == batches[-1][0] + batches[-1][1], "somebody was left out"
        print(index, event, *([detail[0], "by", actor] if event == "operated" else []))
    for recipient in evidence["recipients"]:
        commitment = mac(b64(recipient["salt"]), b64(recipient["who"]))
        path = [b64(line) for line in recipient["path"]]
        ordinal = recipient["ordinal"]
        first, count, wanted = [batch for batch in batches if batch[0] <= ordinal][-1]
        found = root_from_path(sha256(b"\x00", commitment), ordinal - first, count, path)
        assert found == wanted, "not in the manifest"
        print("recipient", *whole(b64(recipient["who"])))
    for message in evidence.get("messages", []):
        digest = hashlib.sha256(b64(message["eml"])).digest()
        assert digest.hex() == message["sha256"] and digest in digests, "another message"
        print("message", message["sha256"])


try:
    main(*sys.argv[1:])
except (AssertionError, InvalidSignature, KeyError, IndexError, ValueError, TypeError) as error:
    print("invalid:", repr(error), file=sys.stderr)
    sys.exit(1)
