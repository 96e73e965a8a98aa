"""The commands `who` and `listened`: who opened a recording and who listened, from the audit trail."""

import datetime
import time

from . import audit_queries, listening, log_files, query_language, sids, tables
from .problems import DONE, WrongInput
from .stack_commands import new

DAY_MS = 24 * 3600 * 1000

# The default of the parameter AuditRetentionDays.
RETENTION_DAYS = 731

# US East (N. Virginia). docs/COST.md has the source.
USD_PER_GB = 0.005

DESCRIPTION = """{summary}

The command reads log groups with your own rights, through CloudWatch Logs Insights, which costs $0.005 for each GB that it
reads. It does not invoke the operator function. The policy of the output AuditorPolicyArn has the rights. A line is in the
answer about a minute after it was written.

The listener of a link is the user of Flex who requested it, or the person for whom an operator made it with `vault.py
link`. Whoever has a link can use it. Links of `segment_link` identify nobody. What happened:

  listened  a player was started, or a place was chosen. The seconds are the most that was heard once
  opened    a player read the beginning. A short recording may also have been heard
  fetched   read by a waveform, or outside a browser's player, which does not show whether anybody listened
  not used  the link was requested. Flex does so for every recording of a conversation that is opened

docs/OPERATIONS.md, "Who listened", has the details. Times and days are UTC.
"""

UNKNOWN = (
    "A listener that is not shown is not known. Links of segment_link identify nobody, and the line that shows to whom a"
    " link was given may have been removed."
)


def add(commands, common):
    """Adds the commands to the command line."""
    summary = "who opened a recording and who listened to it, for how long, and by which link"
    who = new(commands, common, "who", summary, DESCRIPTION.format(summary=f"Print {summary}."))
    who.add_argument("recording", metavar="RE...", help="a RecordingSid")
    _add_options(who, False)
    who.set_defaults(run=_who)
    summary = "who listened to which recordings in a period"
    listened = new(commands, common, "listened", summary, DESCRIPTION.format(summary=f"Print {summary}."))
    _add_options(listened, True)
    listened.set_defaults(run=_listened)


def _add_options(parser, required):
    day = datetime.date.fromisoformat
    before = "" if required else " (default: as long as the logs are kept)"
    until = "" if required else " (default: today)"
    parser.add_argument("--from", dest="first", type=day, required=required, help=f"2026-05-01, UTC{before}")
    parser.add_argument("--to", dest="until", type=day, required=required, help=f"the last day, inclusive{until}")
    parser.add_argument(
        "--format", choices=["table", "csv", "json"], help="table (default), csv, or json, which is the same as --json"
    )
    parser.add_argument("--log-files", metavar="DIR", help="read log files (*.log), as the local stack has them")


def _who(chosen, console):
    sids.checked(chosen.recording, "RE")
    return _report(audit_queries.of_recording(chosen.recording), chosen, console)


def _listened(chosen, console):
    return _report(audit_queries.of_all_recordings(), chosen, console)


def _report(query, chosen, console):
    if console.as_json and chosen.format not in (None, "json"):
        raise WrongInput(f"--json and --format {chosen.format} contradict each other")
    console.as_json = console.as_json or chosen.format == "json"
    now_ms = int(time.time() * 1000)
    source = _Files(chosen.log_files) if chosen.log_files else _Groups(chosen, console)
    begin, end = _period(chosen, now_ms, source.retention_days)
    with console.step("reading the audit trail"):
        uses = listening.found(source.rows(query, begin, end), source.number)
        listening.name_listeners(uses, begin, source.earlier_rows)
    documents = [listening.document(use) for use in uses]
    remarks = _remarks(uses, begin, now_ms, source)
    if chosen.format == "csv":
        console.write(tables.comma_separated(documents, list(listening.document(listening.Use("", "")))))
        for line in remarks:
            print(line, file=console.errors)
    else:
        # The document has the rows.
        lines = [] if console.as_json else _lines(uses, "recording" not in chosen)
        for line in [*lines, *remarks]:
            console.say(line)
    period = {"from": listening.shown_time(begin), "until": listening.shown_time(end)}
    report = {"period": period, "links": documents, "remarks": remarks, "bytesScanned": source.bytes_scanned()}
    console.result(report | {"exitCode": DONE})
    return DONE


def _period(chosen, now_ms, retention_days):
    """Returns the half-open period in milliseconds since the Unix epoch, from 1970 until tomorrow at most."""
    begin = _start_of(chosen.first) if chosen.first else now_ms - retention_days * DAY_MS
    end = _start_of(chosen.until) + DAY_MS if chosen.until else now_ms + 1
    if begin >= end:
        raise WrongInput("the period is empty: --from must not be after --to")
    if begin > now_ms:
        raise WrongInput("the period has not begun yet")
    tomorrow = now_ms - now_ms % DAY_MS + DAY_MS
    return max(begin, 0), max(DAY_MS, min(end, tomorrow + DAY_MS))


def _start_of(day):
    midnight = datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc)
    return int(midnight.timestamp()) * 1000


def _lines(uses, with_recordings):
    if not uses:
        return ["No link was requested or used in this period."]
    headings = ["first (UTC)", "listener", "requested by", "what happened", "heard at most", "link"]
    rows = [_row(use) for use in uses]
    if with_recordings:
        headings.insert(0, "recording")
        rows = [[use.recording, *row] for use, row in zip(uses, rows, strict=True)]
    return tables.text(headings, rows)


def _row(use):
    seconds, verdict = use.seconds(), use.verdict()
    heard = None
    if verdict in (listening.OPENED, listening.LISTENED):
        heard = f"{seconds} s" if seconds is not None else "unknown"
    return [listening.shown_time(use.first), use.listener(), use.requester, listening.WORDS[verdict], heard, use.link]


def _remarks(uses, begin, now_ms, source):
    remarks = []
    if any(not use.listener() for use in uses):
        remarks.append(UNKNOWN)
    if begin < now_ms - source.retention_days * DAY_MS:
        remarks.append(
            f"Lines older than {source.retention_days} days (AuditRetentionDays) have been removed: the beginning of the"
            " period is missing."
        )
    scanned = source.bytes_scanned()
    if scanned:
        remarks.append(f"CloudWatch read {scanned / 1e6:,.1f} MB: about ${scanned / 1e9 * USD_PER_GB:.4f}.")
    return remarks


class _Files:
    """Log files. They are kept for as long as somebody keeps them."""

    retention_days = 100 * 366

    def __init__(self, folder):
        self.folder = folder

    def rows(self, query, begin, end):
        # Only the service limits its answers.
        query = audit_queries.bounded(query, begin, end).removesuffix(audit_queries.LIMIT)
        return query_language.run(query, log_files.lines(self.folder))

    earlier_rows = rows

    @staticmethod
    def number(value):
        return None if value is None else int(value)

    @staticmethod
    def bytes_scanned():
        return None


class _Groups:
    """The log groups of the stack that the options name: playback's, and those of the jobs with the operator's."""

    def __init__(self, chosen, console):
        # boto3 is only needed from here on.
        from . import aws, logs_insights

        account = aws.Account(chosen.region, chosen.profile, chosen.endpoint_url)
        with console.step(f"looking for the stack {chosen.stack}"):
            stack = aws.require_stack(account, chosen.stack)
        groups = [stack.output("AuditLogGroup"), *stack.output("JobsAuditLogGroups").split(",")]
        self.insights = logs_insights.Insights(account, groups)
        self.no_logs = logs_insights.NoLogs
        self.retention_days = int(stack.parameters.get("AuditRetentionDays", RETENTION_DAYS))
        self.number = logs_insights.number

    def rows(self, query, begin, end):
        return self.insights.rows(query, begin, end)

    def earlier_rows(self, query, begin, end):
        """Before the first line that is kept, there is nothing to find."""
        try:
            return self.rows(query, begin, end)
        except self.no_logs:
            return []

    def bytes_scanned(self):
        return self.insights.bytes_scanned
