"""Verifies every DKIM signature of a message with dkimpy: a second opinion that shares no code with the program.

Usage: verify_dkim.py MESSAGE [NAME RECORD]...   The DNS is what stands on the command line; nothing is looked up.
Prints `valid` or `invalid`, the algorithm, the domain, the selector and the time of each signature, topmost first. A signature
is judged as on the message's own date, if it has one.
"""

import email
import email.utils
import sys

import dkim

path, *records = sys.argv[1:]
dns = {f"{name}.".encode(): value.encode() for name, value in zip(records[::2], records[1::2])}

with open(path, "rb") as file:
    message = file.read()
parsed = email.message_from_bytes(message)
if "Date" in parsed:
    date = email.utils.parsedate_to_datetime(parsed["Date"]).timestamp()
    dkim.time.time = lambda: date

for index in range(len(parsed.get_all("DKIM-Signature", []))):
    verifier = dkim.DKIM(message, minkey=2048)
    try:
        verdict = "valid" if verifier.verify(index, dnsfunc=lambda name, timeout=5: dns.get(name)) else "invalid"
    except dkim.DKIMException as error:
        verdict = "invalid"
        print(error, file=sys.stderr)
    tags = verifier.signature_fields
    print(verdict, *(tags[tag].decode() for tag in (b"a", b"d", b"s", b"t")))
