"""The questions that only a live account can answer, and the answers from the document of `prove`. Pure.

README's "What only a live account can prove" names the field of each question.
"""

from dataclasses import dataclass
from typing import Callable

# A reply without a body that takes longer waits for something that does not come.
HANGS_MS = 10_000

# A function counts as held if it took this part of the reader's time. Its last bytes are in buffers on the way.
HELD_PART = 0.8

# A reader of a shorter time is not slow.
SHORTEST_S = 1

# Lambda passes on the first 6 MB at once, and sockets hold some more. A shorter reply tells nothing of a slow reader.
BUFFERED_BYTES = 16 * 1024 * 1024

# The metrics of a reply that the function's timeout ends, in the order in which they are written.
METRICS_OF_AN_ABORT = {"PlaybackRequests", "FirstByteMilliseconds", "BytesServed", "PlaybackOutOfTime"}

OTHER_ENDPOINT = {"flex": "player", "player": "flex"}

NEEDS_LOG = "needs the log group: a stack, or --log-group"
NEEDS_JOBS_LOGS = "needs the log groups: a stack, or --jobs-log-groups"
NEEDS_MEDIA = "needs --twilio-media"


@dataclass
class Question:
    """A field of the document, what it answers, and what a run without it needs."""

    field: str
    words: str
    needs: str
    # Gets the field's value. Returns the answer in words, and whether it is as expected: None if it is not known.
    read: Callable


def answers(document):
    """Returns (field, question, answer, whether it is as expected or None) for each question."""
    rows = []
    for question in QUESTIONS:
        value = _value(document, question.field)
        answer, good = (f"not measured ({question.needs})", None) if value is None else question.read(value)
        rows.append((question.field, question.words, answer, good))
    return rows


def page(document, found):
    """Returns the answers as a page in Markdown."""
    lines = [
        "# What this account has proved",
        "",
        f"Recording {document['recording']}, measured at {document['measuredAt']}.",
        "",
        "| question | answer | as expected | field |",
        "| --- | --- | --- | --- |",
    ]
    for field, question, answer, good in found:
        verdict = {True: "yes", False: "**no**", None: "–"}[good]
        lines.append(f"| {question} | {answer} | {verdict} | `{field}` |")
    return "\n".join(lines)


def _value(document, field):
    for name in field.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _latency(found):
    first, median = (f"{found[name]} ms" if found[name] is not None else "no answer" for name in ("firstMs", "medianMs"))
    told = f"{first} at most for the first requests, {median} then (median)"
    if found["failed"]:
        return f"{told}; {found['failed']} requests failed", False
    return told, max(found["firstMs"], found["medianMs"]) < HANGS_MS


def _cold(found):
    cold, warm = found["coldMs"], found["warmMs"]
    if not cold:
        return f"none of {len(warm)} requests was the first of its instance. Try again after a quiet hour", None
    last = f"{warm[len(warm) // 2]} ms" if warm else "none"
    return f"cold: {', '.join(map(str, cold))} ms; warm: {last} (median of {len(warm)})", max(cold) < HANGS_MS


def _content_length(found):
    streamed = [found["range"], found["whole"]]
    lengths = {
        kind: {name: value for name, value in headers.items() if name != "status"} for kind, headers in found.items()
    }
    told = "; ".join(f"{kind}: {_headers(headers)}" for kind, headers in lengths.items())
    statuses = [reply["status"] for reply in streamed]
    if statuses != [206, 200]:
        return f"not measured: a range gave {statuses[0]}, and the whole recording {statuses[1]}", None
    return told, not any("content-length" in reply for reply in streamed)


def _headers(headers):
    return ", ".join(f"{name}: {value}" for name, value in headers.items()) or "none"


def _range(found):
    told = f"{found['sent']} gave {found['status']} with {found['contentRange']}"
    # Another status is that of a refusal, which tells nothing of the header.
    return told, found["unchanged"] if found["status"] in (200, 206) else None


def _header(found):
    if "logged" in found:
        return f"sent `{found['sent']}`, and the function received `{found['logged']}`", found["unchanged"]
    if found["unchanged"] is None:
        return "not measured (needs a recording of more than 1.2 MB, and answers to all requests)", None
    return "it has its effect" if found["unchanged"] else "it has no effect", found["unchanged"]


def _plus(found):
    """Both forms are accepted. Only a reply that depends on them would be wrong."""
    statuses = found["withPlus"], found["withPercent2B"], found["without"]
    arrived = found.get("arrivedAs")
    how = f"a + arrives as {arrived}" if arrived else f"how it arrives is not known ({NEEDS_LOG})"
    told = f"{how}; replies: {statuses[0]} with +, {statuses[1]} with %2B, {statuses[2]} without"
    if found["without"] != 206:
        return f"not measured: {told}", None
    return told, len(set(statuses)) == 1


def _expires_of_aws(found):
    if not found["inLink"]:
        return "links do not have it", False
    return f"{found['status']}", found["status"] == 206


def _without_body(status):
    def read(found):
        good = found["status"] == status and found["bytes"] == 0 and _arrived(found)
        return _reply(found), good

    return read


def _with_body(status):
    def read(found):
        return _reply(found), found["status"] == status and _arrived(found)

    return read


def _arrived(found):
    return "error" not in found and found["totalMs"] < HANGS_MS


def _reply(found):
    broken = f", {found['error']}" if "error" in found else ""
    return f"{found['status']}, {found['bytes']} bytes in {found['totalMs']} ms{broken}"


def _preflight(found):
    return _reply(found), found["status"] in (200, 204) and _arrived(found)


def _slow_reader(found):
    read = f"the reader took {found['bytes']} bytes in {found['seconds']} s"
    if found["endedBy"] == "a broken connection":
        return f"{read}, and then the connection broke ({found['error']})", False
    function = found.get("function")
    if function is None:
        return f"{read}; how long the function was held is not known ({NEEDS_LOG})", None
    held = function["heldSeconds"]
    # A reply that arrived in full shows nothing, also if its end is missing in the log.
    if found["endedBy"] != "this command" or found["seconds"] < SHORTEST_S:
        return f"not known: {read}, until {found['endedBy']}. Name a longer recording, and read for longer", None
    if held is None:
        return f"yes: {read}, and then the function was still held", True
    told = f"{read}, and the function was held for {held} s ({function['outcome']}, {function['bytesSent']} bytes)"
    if held >= HELD_PART * found["seconds"]:
        return f"yes: {told}", True
    if (found["promised"] or 0) < BUFFERED_BYTES:
        return f"not known: {told}. Buffers on the way hold such a recording. Name one of 16 MiB or more", None
    return f"no: {told}", False


def _abort(found):
    promised, read = found["promised"] or 0, found["bytes"]
    if read >= promised:
        return f"not measured: all {read} bytes arrived before the timeout. Name a longer recording", None
    function = found.get("function")
    told = f"{read} of {promised} bytes in {found['seconds']} s, then {found['endedBy']}"
    if function:
        held = function["heldSeconds"]
        told = f"{told}; the function ended with {function['outcome']}{'' if held is None else f' after {held} s'}"
    # Lambda itself ends a reply that the function has handed over in full.
    if found["endedBy"] == "this command" or (function and function["outcome"] == "complete"):
        return f"not measured: {told}. Name a longer recording", None
    # Without the function's line, the connection may have broken for another reason.
    if found["endedBy"] == "a broken connection" and not (function and function["outcome"] == "out_of_time"):
        return f"not known: {told}. Whether the function ended the reply {NEEDS_LOG}", None
    # A client that waits until its own timeout has not seen the abort.
    return told, found["endedBy"] == "a broken connection" and found.get("error") != "TimeoutError"


def _emf(found):
    if "PlaybackOutOfTime" not in found["lines"] and found["outcome"] != "out_of_time":
        return f"not measured: the function ended with {found['outcome']}", None
    missing = sorted(METRICS_OF_AN_ABORT - set(found["lines"]))
    if missing:
        return f"missing in the log: {', '.join(missing)}", False
    return f"in the log: {', '.join(found['lines'])}", True


def _tokens(found):
    asked = {name: one for name, one in found.items() if name not in ("answering", "deployed")}
    each = (f"`{name}`: {one['status']} with {', '.join(one['fields']) or 'no fields'}" for name, one in asked.items())
    answering = ", ".join(f"`{name}`" for name in found["answering"]) or "none"
    told = f"usable as ValidateTokensAs: {answering}. {'; '.join(each)}"
    deployed = found.get("deployed")
    if deployed is None:
        return told, bool(found["answering"])
    told = f"{told}. The stack has `{deployed}`"
    if deployed not in asked:
        return f"{told}, which needs its credential", None
    # Playback asks the other one of the two if an endpoint does not exist.
    other = OTHER_ENDPOINT.get(deployed) if asked[deployed]["status"] in (404, 405) else None
    return told, deployed in found["answering"] or other in found["answering"]


def _flex_configuration(found):
    if "error" in found:
        return found["error"], False
    state = "on" if found["callRecordingEnabled"] else "off"
    kept = "the braces are kept" if found["placeholderKept"] else "there are no braces"
    told = f"call_recording_webhook_url is {found['webhookUrl']}; {kept}; Call Recording is {state}"
    return told, found["sameAsOutput"]


def _callbacks(found):
    source = found["taskFrom"]
    if source is None:
        return "no link of this recording in the logs of the last days", None
    if source == "callback":
        return "the callback named the task", True
    return (
        "the task was found by a search: the braces were not filled, or the callback was not Flex's own"
        " (a backfill, a smoke test)",
        False,
    )


def _twilio_reply(found):
    headers = {name: value for name, value in found["headers"].items() if name != "etag"}
    told = f"{found['status']}, {_headers(headers)}"
    if not _is_media(found["status"]):
        return f"not measured: {told}", None
    return told, found["status"] == 200 and "content-length" in found["headers"] and "error" not in found


def _twilio_range(found):
    if not _is_media(found["status"]):
        return f"not measured: {found['status']}", None
    served = "ranges are served" if found["status"] == 206 else "ranges are ignored"
    return f"{found['status']}: {served}", found["status"] == 206


def _twilio_etag(found):
    names = ("ifNoneMatch", "ifRange", "ifRangeOfAnother", "ifMatchOfAnother")
    told = ", ".join(f"{name}: {found[name]}" for name in names if found[name])
    answered = f"{'an ETag' if found['present'] else 'no ETag'}; {told}"
    if not all(_is_media(found[name]) for name in ("ifRange", "ifRangeOfAnother") if found[name] is not None):
        return f"not measured: {answered}", None
    return answered, found["present"] and (found["ifRange"], found["ifRangeOfAnother"]) == (206, 200)


def _twilio_redirects(found):
    if not _is_media(found["status"]):
        return f"not measured: {found['status']}", None
    return f"to {found['to']}" if found["to"] else "none", True


def _is_media(status):
    """Whether an answer is a recording or a part of it. Refusals and failures tell nothing of Twilio's media."""
    return status in (200, 206)


def _twilio_channels(found):
    if not (found["wav"] and found["mp3"]):
        return f"not known: WAV {found['wav'] or 'unreadable'}, MP3 {found['mp3'] or 'unreadable'}", None
    return f"WAV {found['wav']}, MP3 {found['mp3']}", found["wav"] == found["mp3"]


QUESTIONS = (
    Question("link.latency", "How long does a link take?", "", _latency),
    Question("link.cold", "How long does a link take on a new instance?", NEEDS_LOG, _cold),
    Question("media.firstByte", "How long does the first byte take?", "", _latency),
    Question("media.cold", "How long does the first byte take on a new instance?", NEEDS_LOG, _cold),
    Question("media.contentLength", "Which replies have a `Content-Length`?", "", _content_length),
    Question("arrival.range", "Does `Range` arrive unchanged?", "", _range),
    Question("arrival.secFetchDest", "Does `Sec-Fetch-Dest` arrive unchanged?", "", _header),
    Question("arrival.secChUa", "Does `Sec-CH-UA` arrive unchanged?", "", _header),
    Question("arrival.userAgent", "Does `User-Agent` arrive unchanged?", "", _header),
    Question("arrival.plus", "Does a `+` in a query arrive unchanged, and is it harmless?", "", _plus),
    Question("arrival.expiresOfAws", "Is a query with `X-Amz-Expires` accepted?", "", _expires_of_aws),
    Question("bodies.head", "Does HEAD end without a body?", "", _without_body(200)),
    Question("bodies.notModified", "Does a matching ETag give a 304 without a body?", "", _without_body(304)),
    Question("bodies.unsatisfiable", "Does a range past the end give 416?", "", _with_body(416)),
    Question("bodies.preflight", "Does a preflight end?", "", _preflight),
    Question("bodies.emptyRecording", "Does an empty recording end?", "needs --empty-recording", _without_body(200)),
    Question("slowReader", "Does backpressure of a slow reader reach the function?", "", _slow_reader),
    Question("abort", "Is an abort of the function visible to the client?", "needs --until-timeout", _abort),
    Question("emf", "Do metrics from just before an abort reach the log?", f"needs --until-timeout; {NEEDS_LOG}", _emf),
    Question("tokens", "Which token endpoint answers?", "needs --tokens", _tokens),
    Question(
        "flexConfiguration",
        "Does Flex keep the braces in `call_recording_webhook_url`?",
        "needs --flex-configuration",
        _flex_configuration,
    ),
    Question("callbacks", "Does Flex fill the braces with the task's SID?", NEEDS_JOBS_LOGS, _callbacks),
    Question("twilioMedia.whole", "How does Twilio's media arrive?", NEEDS_MEDIA, _twilio_reply),
    Question("twilioMedia.range", "Does Twilio serve ranges?", NEEDS_MEDIA, _twilio_range),
    Question("twilioMedia.etag", "Does Twilio have an `ETag`, and heed it?", NEEDS_MEDIA, _twilio_etag),
    Question("twilioMedia.redirects", "Does Twilio redirect to another host?", NEEDS_MEDIA, _twilio_redirects),
    Question("twilioMedia.channels", "Does Twilio's MP3 have the WAV's channels?", NEEDS_MEDIA, _twilio_channels),
)
