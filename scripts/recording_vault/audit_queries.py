"""The queries of docs/OPERATIONS.md, "Who listened". A test compares them with the document."""

# The placeholders in the document.
RECORDING = "RE00000000000000000000000000000000"
LINK = "LINK"

# The most rows that a query may return (GetQueryResults, CloudWatch Logs API Reference). Newer versions of the API have
# pages of this size. The queries limit themselves, so that older versions of boto3 lose nothing.
MOST_ROWS = 10_000
LIMIT = f"\n| limit {MOST_ROWS}"

# A query may have 10,000 characters (StartQuery, CloudWatch Logs API Reference).
LINKS_IN_A_QUERY = 200

# One row for each link to a recording.
WHO = """filter target = "audit" and recordingSid = "RE00000000000000000000000000000000" and ispresent(linkId)
| fields strcontains(secFetchDest, "audio") + strcontains(secFetchDest, "video") as element,
    strcontains(event, "playback_begin") as begun
| stats min(@timestamp) as first, max(@timestamp) as last, sortsLast(identity) as user, sortsLast(workerSid) as worker,
    sortsLast(listener) as person, sortsLast(requestedBy) as requester, sum(begun) as requests,
    sum(element * begun) as plays, sum(bytesSent) as bytes, sum(element * bytesSent) as played,
    max(element * firstByte) as furthest, max(bytesPerSecond) as rate, played / rate as seconds
    by recordingSid, linkId
| sort first asc
| limit 10000"""

# To whom links were given that were requested before the period.
GIVEN = """filter target = "audit" and linkId in ["LINK"]
| stats min(@timestamp) as first, sortsLast(identity) as user, sortsLast(workerSid) as worker,
    sortsLast(listener) as person, sortsLast(requestedBy) as requester by recordingSid, linkId
| sort first asc
| limit 10000"""


def of_recording(recording):
    """Returns the query for one recording."""
    return WHO.replace(RECORDING, recording)


def of_all_recordings():
    """Returns the query for all recordings."""
    return WHO.replace(f' and recordingSid = "{RECORDING}"', "")


def of_links(links):
    """Returns the query for who was given some links (at most `LINKS_IN_A_QUERY`)."""
    return GIVEN.replace(f'"{LINK}"', ", ".join(f'"{link}"' for link in links))


def bounded(query, begin_ms, end_ms):
    """Returns the query for a half-open time range in milliseconds since the Unix epoch.

    StartQuery's range has whole seconds and includes both ends, so that neighboring ranges would count a line twice.
    """
    first, rest = query.split("\n", 1)
    return f"{first}\n| filter toMillis(@timestamp) >= {begin_ms} and toMillis(@timestamp) < {end_ms}\n{rest}"
