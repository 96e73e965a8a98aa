"""Twilio's identifiers, as people give them: two letters that name the kind, then 32 hexadecimal digits."""

import re

from .problems import WrongInput

KINDS = {
    "RE": "a RecordingSid",
    "CA": "a CallSid",
    "CF": "a ConferenceSid",
    "WT": "a TaskSid",
    "WR": "a ReservationSid",
}


def problem(text, prefix):
    """Returns why a text is not a SID of the kind, without the text itself, or None. Twilio writes lower case."""
    if re.fullmatch(f"{prefix}[0-9a-f]{{32}}", text):
        return None
    if re.fullmatch(f"{prefix}[0-9a-fA-F]{{32}}", text):
        # The service would take it for another recording, which was never stored.
        return "it has upper-case digits, and Twilio writes SIDs in lower case"
    return f"{prefix} and 32 hexadecimal digits"


def refusal(text, prefix):
    """Returns the message that refuses a text which is not a SID of the kind, or None."""
    found = problem(text, prefix)
    return found and f"{text!r} is not {KINDS[prefix]}: {found}"


def checked(text, prefix):
    """Returns the SID. Refuses what is not one of the kind."""
    found = refusal(text, prefix)
    if found:
        raise WrongInput(found)
    return text
