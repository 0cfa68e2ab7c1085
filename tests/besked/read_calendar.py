"""Reads the calendar entries of messages with other people's libraries: the second opinion of the tests.

Arguments are files: messages, or calendars by themselves. Prints a JSON list with what each of them says.
"""

import email
import json
import logging
import sys

import icalendar
from circuit_maintenance_parser import NotificationData
from circuit_maintenance_parser.provider import GenericProvider

logging.disable(logging.CRITICAL)


def events(calendar):
    """The entries of a calendar, by property; whatever is wrong in them is an error."""
    found = []
    for event in calendar.walk("VEVENT"):
        assert not event.errors, event.errors
        attendees = event.get("ATTENDEE", [])
        attendees = attendees if isinstance(attendees, list) else [attendees]
        objects = event.get("X-MAINTNOTE-OBJECT-ID", [])
        objects = objects if isinstance(objects, list) else [objects]
        entry = {
            "uid": str(event["UID"]),
            "sequence": int(event["SEQUENCE"]),
            "stamp": event["DTSTAMP"].dt.isoformat(),
            "start": event["DTSTART"].dt.isoformat(),
            "end": event["DTEND"].dt.isoformat(),
            "summary": str(event["SUMMARY"]),
            "description": str(event["DESCRIPTION"]),
            "status": str(event["STATUS"]),
            "organizer": [str(event["ORGANIZER"]), event["ORGANIZER"].params.get("CN")],
            "attendees": [[str(it), it.params.get("CN")] for it in attendees],
            "alarms": len(event.walk("VALARM")),
            "objects": [str(it) for it in objects],
        }
        for name in ["PROVIDER", "ACCOUNT", "MAINTENANCE-ID", "IMPACT", "STATUS"]:
            entry["x-" + name.lower()] = str(event["X-MAINTNOTE-" + name])
        found.append(entry)
    return found


def maintenances(data):
    """What the parser of network operators makes of it."""
    found = []
    for it in GenericProvider().get_maintenances(data):
        found.append({
            "provider": it.provider,
            "account": it.account,
            "maintenance_id": it.maintenance_id,
            "status": it.status.value,
            "start": it.start,
            "end": it.end,
            "uid": it.uid,
            "sequence": it.sequence,
            "circuits": [[circuit.circuit_id, circuit.impact.value] for circuit in it.circuits],
        })
    return found


def of_message(raw):
    message = email.message_from_bytes(raw)
    parts = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    if not parts:
        return None
    inside, file = parts
    text = inside.get_payload(decode=True)
    assert text == file.get_payload(decode=True), "both parts are the same"
    for part in parts:
        assert part.get_content_charset() == "utf-8", part["Content-Type"]
    # RFC 5545 section 3.1: lines end in CRLF and have at most 75 octets.
    assert text.endswith(b"\r\n") and text.count(b"\n") == text.count(b"\r\n")
    assert all(len(line) <= 75 for line in text.split(b"\r\n")), text
    calendar = icalendar.Calendar.from_ical(text)
    return {
        "structure": [part.get_content_type() for part in message.walk()],
        "method": str(calendar["METHOD"]),
        "parameters": [part.get_param("method") for part in parts],
        "file": file.get_filename(),
        "disposition": file.get_content_disposition(),
        "events": events(calendar),
        "maintenances": maintenances(NotificationData.init_from_email_bytes(raw)),
    }


def of_calendar(raw):
    calendar = icalendar.Calendar.from_ical(raw)
    found = events(calendar)
    data = NotificationData.init_from_raw("ical", raw)
    return {
        "method": str(calendar.get("METHOD")),
        "name": str(calendar.get("NAME")),
        "events": found,
        "maintenances": maintenances(data) if found else [],
    }


answers = []
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        content = file.read()
    answers.append(of_calendar(content) if content.startswith(b"BEGIN:VCALENDAR") else of_message(content))
print(json.dumps(answers))
