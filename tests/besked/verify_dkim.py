"""Verifies every DKIM signature of messages with dkimpy: a second opinion that shares no code with the program.

Usage: verify_dkim.py [NAME=RECORD]... -- MESSAGE...   The DNS is what stands on the command line; nothing is looked up.
Prints a line for each message with, for each signature from the topmost, `valid` or `invalid`, the algorithm, the domain, the
selector and the time; `; ` between them. A signature is judged as on the message's own date, if it has one.
"""

import email
import email.utils
import sys
import time

import dkim

arguments = sys.argv[1:]
split = arguments.index("--")
records = dict(record.split("=", 1) for record in arguments[:split])
now = time.time


def txt(name, timeout=5):
    value = records.get(name.decode().rstrip("."))
    return value and value.encode()


def judge(path):
    with open(path, "rb") as file:
        message = file.read()
    parsed = email.message_from_bytes(message)
    date = parsed["Date"] and email.utils.parsedate_to_datetime(parsed["Date"]).timestamp()
    dkim.time.time = (lambda: date) if date else now
    for index in range(len(parsed.get_all("DKIM-Signature", []))):
        verifier = dkim.DKIM(message, minkey=2048)
        try:
            verdict = "valid" if verifier.verify(index, dnsfunc=txt) else "invalid"
        except dkim.DKIMException as error:
            verdict = "invalid"
            print(error, file=sys.stderr)
        tags = verifier.signature_fields
        yield " ".join([verdict, *(tags[tag].decode() for tag in (b"a", b"d", b"s", b"t"))])


for path in arguments[split + 1 :]:
    print("; ".join(judge(path)))
