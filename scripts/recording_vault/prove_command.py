"""The command `prove`: measures on a real account assumptions of the design that no local test can check, and writes them as JSON and as a readable page."""

import argparse
import json
import os
import pathlib
import re

from . import measurements
from .problems import DONE, EXIT_CODES, FAILED, WrongInput

DESCRIPTION = """Measure the deployed service from outside, with a stored recording.

The command changes nothing. It writes one JSON file and a page in Markdown. Recordings of ten minutes or more show
the most. The Flex token comes from FLEX_TOKEN or a prompt. With --twilio-media, the command also measures Twilio's own
media and needs an API key, in TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET or at a prompt.
"""

RECORDING = re.compile(r"RE[0-9a-fA-F]{32}")


def add(commands, common):
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "prove",
        parents=[common],
        help="measure the deployed service: ranges, headers, latencies, a slow reader",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recording", required=True, metavar="RE...", help="a stored recording")
    parser.add_argument("--playback-url", metavar="URL", help="default: the stack's output PlaybackBaseUrl")
    parser.add_argument("--account", metavar="AC...", help="the Twilio account (default: the stack's)")
    parser.add_argument(
        "--output", default="proof", metavar="NAME", help="writes NAME.json and NAME.md (default: proof)"
    )
    parser.add_argument("--slow-seconds", type=int, default=60, metavar="S", help="how long the slow reader reads (60)")
    parser.add_argument("--twilio-media", action="store_true", help="also measure Twilio's media of the recording")
    parser.add_argument("--twilio-api-base", metavar="URL", help="host of another Twilio region; also TWILIO_API_BASE")
    parser.set_defaults(run=_run)


def _run(chosen, console):
    if not RECORDING.fullmatch(chosen.recording):
        raise WrongInput(f"{chosen.recording} is not a RecordingSid: RE and 32 hexadecimal digits")
    if not chosen.playback_url or (chosen.twilio_media and not chosen.account):
        from . import aws

        stack = aws.require_stack(aws.Account(chosen.region, chosen.profile, chosen.endpoint_url), chosen.stack)
        chosen.playback_url = chosen.playback_url or stack.output("PlaybackBaseUrl")
        chosen.account = chosen.account or stack.parameters["TwilioAccountSid"]
    document = {"recording": chosen.recording}
    provider = f"{chosen.playback_url.rstrip('/')}/media-url?recordingSid={chosen.recording}"
    token = os.environ.get("FLEX_TOKEN") or console.secret("The Flex token of a signed-in supervisor")
    with console.step("requesting links"):
        link, document["link"] = measurements.links(provider, token)
    with console.step("requesting ranges"):
        document["media"] = measurements.media(link)
    with console.step(f"reading slowly for {chosen.slow_seconds} s"):
        document["slowReader"] = measurements.slow_reader(link, chosen.slow_seconds)
    if chosen.twilio_media:
        document["twilioMedia"] = _twilio_media(chosen, console)
    found = answers(document)
    document["answers"] = [
        {"field": field, "question": question, "answer": answer, "asExpected": good}
        for field, question, answer, good in found
    ]
    for path, text in ((f"{chosen.output}.json", json.dumps(document, indent=2)), (f"{chosen.output}.md", page(found))):
        pathlib.Path(path).write_text(text + "\n", encoding="utf-8")
    console.say(page(found))
    console.say(f"Written to {chosen.output}.json and {chosen.output}.md")
    code = DONE if all(good for *_, good in found) else FAILED
    console.result(document | {"exitCode": code})
    return code


def _twilio_media(chosen, console):
    from .twilio import Bases

    api_key = {
        "sid": os.environ.get("TWILIO_API_KEY_SID") or console.ask("SID of a Twilio API key (SK...)"),
        "secret": os.environ.get("TWILIO_API_KEY_SECRET") or console.secret("Secret of the API key"),
    }
    with console.step("requesting Twilio's media"):
        bases = Bases(api=chosen.twilio_api_base)
        return measurements.twilio_media(bases, chosen.account, api_key, chosen.recording)


def answers(document):
    """Returns (field, question, answer, whether it is as expected) for each question."""
    media, slow = document["media"], document["slowReader"]

    def status(name, expected, words):
        found = media[name]
        return f"media.{name}", words, f"{found['status']}, {found['bytes']} bytes", found["status"] == expected

    whole_range = media["range"]["bytes"] == 100
    rows = [
        ("link", "How long does a link take?", _latency(document["link"]), True),
        ("media.firstByte", "How long does the first byte take?", _latency(media["firstByte"]), True),
        ("media.range", "Does a range arrive unchanged?", _arrival(media["range"]), whole_range),
        status("rangeOfABrowser", 206, "Does a range with a browser's Sec- headers arrive?"),
        status("middle", 206, "Does a range in the middle arrive?"),
        ("media.whole", "How does a reply without a range arrive?", _arrival(media["whole"]), True),
        status("head", 200, "Does HEAD answer without a body?"),
        status("notModified", 304, "Does a matching ETag give 304?"),
        status("unsatisfiable", 416, "Does a range past the end give 416?"),
        (
            "media.plusInQuery",
            "Is a + in the query harmless?",
            f"{media['plusInQuery']['status']}, and {media['percent2BInQuery']['status']} with %2B",
            media["plusInQuery"]["status"] < 500,
        ),
        (
            "slowReader",
            "Is a slow reader served?",
            f"{slow['bytes']} bytes in {slow['seconds']} s, ended by {slow['endedBy']}. Compare the maximum of the playback"
            f" function's metric Duration between {' and '.join(slow['window'])}",
            not slow["endedBy"].startswith("the server"),
        ),
    ]
    if "twilioMedia" in document:
        twilio = document["twilioMedia"]
        served = twilio["whole"]["status"] == 200
        rows.append(("twilioMedia.whole", "How does Twilio's media arrive?", _arrival(twilio["whole"]), served))
        rows.append(("twilioMedia.range", "Does Twilio serve ranges?", _arrival(twilio["range"]), True))
    return rows


def page(found):
    """Returns the answers as a table in Markdown."""
    lines = ["| question | answer | as expected | field |", "| --- | --- | --- | --- |"]
    for field, question, answer, good in found:
        lines.append(f"| {question} | {answer} | {'yes' if good else '**no**'} | `{field}` |")
    return "\n".join(lines)


def _latency(found):
    return f"{found['firstMs']} ms the first time, {found['medianMs']} ms then (median)"


def _arrival(found):
    headers = ", ".join(f"{name}: {value}" for name, value in found["headers"].items() if name != "etag")
    return f"{found['status']}, {found['bytes']} bytes read; {headers or 'no headers about the body'}"
