"""Erasures of many recordings: the list in a file, the plan, the question, and the report."""

import contextlib
import csv
import dataclasses
import hashlib
import sys

from . import following, sids

# The most recordings in one event.
MOST_LISTED = 1000

SOURCES = {"call": "CA", "conference": "CF", "task": "WT", "reservation": "WR"}
COLUMN = "recordingSid"

# Between the fields of a table. Excel writes a semicolon where the comma is the decimal separator.
SEPARATORS = (",", ";", "\t")

# A line of nothing else is blank.
BLANK = "".join(SEPARATORS) + ' "'


class BadList(Exception):
    """The file cannot be used. The text has a line for each problem."""


def add_options(command):
    """Adds the options of `erase` that name more than one recording."""
    command.add_argument("recording", nargs="?", metavar="RE...")
    command.add_argument("--from-file", metavar="FILE", help="one SID a line, or CSV with the column recordingSid")
    for name, prefix in SOURCES.items():
        command.add_argument(f"--{name}", metavar=f"{prefix}...", help=f"every recording of this {name}")
    command.add_argument("--keep-original", action="store_true", help="erase only here, not at Twilio")
    command.add_argument("--dry-run", action="store_true", help="only show what would be erased")
    command.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def check(chosen):
    """Returns the problem of the command line, or None. Reads the file."""
    named = [name for name in ("recording", "from_file", *SOURCES) if getattr(chosen, name)]
    if len(named) != 1:
        return "erase either the recording that you name, or those of --from-file, --call, --conference, --task or --reservation"
    for name, prefix in SOURCES.items():
        problem = getattr(chosen, name) and sids.refusal(getattr(chosen, name), prefix)
        if problem:
            return f"--{name}: {problem}"
    chosen.listed = None
    if chosen.from_file:
        try:
            chosen.listed = read_list(chosen.from_file)
        except BadList as bad:
            return str(bad)
    elif chosen.recording:
        chosen.listed = [chosen.recording]
        return sids.refusal(chosen.recording, "RE")
    return None


def is_many(chosen):
    """Whether the erasure begins with a plan. Without one, it is one recording that was named."""
    return not chosen.recording or chosen.dry_run


def read_list(path):
    """Returns the RecordingSids of a file in order, each once. Raises BadList with every problem of the file."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = file.read().splitlines()
    except UnicodeDecodeError:
        raise BadList(f"{path} is not a text in UTF-8") from None
    except OSError as error:
        raise BadList(f"{path}: {error.strerror}") from None
    recordings, problems = {}, []
    for number, found in _cells(path, lines):
        problem = sids.problem(found, "RE")
        if problem:
            problems.append(f"line {number} has no RecordingSid ({problem})")
        else:
            recordings[found] = None
    if problems:
        raise BadList("\n".join([f"{path} cannot be used:", *problems]))
    if not recordings:
        raise BadList(f"{path} has no RecordingSid")
    return list(recordings)


def _cells(path, lines):
    """Yields the number of each line that may name a recording, and the text that should be its SID."""
    table = None
    for number, line in enumerate(lines, start=1):
        # In a table, the first cell may begin so: a ticket's number.
        is_comment = line.lstrip(" ").startswith("#") and (table is None or table.column is None)
        if is_comment or not line.strip(BLANK):
            continue
        try:
            if table is None:
                table = _header(line)
                if table.column is not None:
                    continue
            yield number, table.cell(line)
        except csv.Error as error:
            raise BadList(f"{path} cannot be used: line {number}: {error}") from None


def _header(line):
    """Returns the form of a file by its first line. Without a header, each line is a SID."""
    for separator in SEPARATORS:
        fields = _fields(line, separator)
        if COLUMN in fields:
            return _Table(separator, fields.index(COLUMN))
    return _Table()


@dataclasses.dataclass
class _Table:
    """Where the SIDs are in the lines of a file."""

    separator: str = ""
    column: int | None = None

    def cell(self, line):
        """Returns the text in the column."""
        if self.column is None:
            return line.strip()
        return next(iter(_fields(line, self.separator)[self.column :]), "")


def _fields(line, separator):
    return [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]


def parts_of(recordings):
    """Returns the lists of the events. The same recordings always make the same events."""
    ordered = sorted(recordings)
    return [ordered[at : at + MOST_LISTED] for at in range(0, len(ordered), MOST_LISTED)]


def operation(recordings, keep_original):
    """Returns the name of the operation that erases these recordings, as the function computes it."""
    text = ("keepOriginal" if keep_original else "") + "".join(sorted(set(recordings)))
    return f"erase-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def run(vault, chosen, asking, not_erased):
    """Shows the plan, asks, erases and reports. Returns the exit status.

    `asking()` keeps other output from the terminal. `not_erased` is the text of the refusal.
    """
    plan = _plan(vault, chosen)
    document = {"plan": plan}
    vault.last = document
    _print_plan(plan)
    recordings = [planned["recordingSid"] for planned in plan["recordings"]]
    if chosen.task or chosen.reservation:
        print("Twilio does not know tasks: recordings that are not copied yet are not found")
    if not recordings:
        print("nothing to erase")
        return 0
    if chosen.dry_run:
        return int(bool(plan["counts"]["unknown"]))
    if not chosen.yes:
        with asking():
            confirm(len(recordings), chosen.keep_original, not_erased)
    states = _erased(vault, document, parts_of(recordings), chosen.keep_original)
    report = merged(states)
    vault.last = document | report
    return print_report(report, "repeat the same command", bool(plan["counts"].get("locked")))


def _erased(vault, document, parts, keep_original):
    """Erases one part after the other. Returns their states. `document` has the plan."""
    states = []
    for number, part in enumerate(parts):
        name, run = operation(part, keep_original), None
        try:
            run = following.start(vault, name, {"erase": {"recordings": part, "keepOriginal": keep_original}})
            states.append(following.watch(vault, name, True, run))
        except BaseException as error:
            # Whatever ends the command, the function goes on without it, and what has been erased must be known.
            report, not_begun = merged(states), sum(map(len, parts[number + 1 :]))
            vault.last = document | report | {"unfinished": {"operation": name, "recordingsNotBegun": not_begun}}
            lines = _report_lines(report) if states else []
            if not isinstance(error, following.Replaced):
                lines.append(_going_on(name, run))
            if not_begun:
                lines.append(f"{not_begun:,} recordings have not begun. The same command continues with them")
            _say_unfinished(lines)
            raise
    return states


def _going_on(name, run):
    begun = f"{name} goes on" if run else f"{name} may have begun, and then it goes on"
    return f"{begun}. To see its progress and its report: status {name} --follow"


def _say_unfinished(lines):
    """Prints lines although the command ends. If nobody reads standard output any more, they go to standard error."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            print("".join(f"{line}\n" for line in lines), end="", file=stream, flush=True)
            return


def confirm(count, keep_original, not_erased):
    """Ends unless the operator enters the number of recordings."""
    there = "here. The originals at Twilio are kept" if keep_original else "here and at Twilio"
    try:
        entered = input(f"{count} recordings will be permanently erased {there}. Enter the number {count} to confirm: ")
    except EOFError:
        entered = None
    if entered is None or entered.strip().replace(",", "") != str(count):
        raise SystemExit(not_erased)


def _plan(vault, chosen):
    if chosen.listed is None:
        [name] = [name for name in SOURCES if getattr(chosen, name)]
        return vault.ask({"erase": {name: getattr(chosen, name), "dryRun": True}})["erasurePlan"]
    plans = [
        vault.ask({"erase": {"recordings": part, "dryRun": True}})["erasurePlan"] for part in parts_of(chosen.listed)
    ]
    return {
        "counts": _sums(plans),
        "recordings": [planned for plan in plans for planned in plan["recordings"]],
    }


def _sums(documents):
    names = documents[0]["counts"] if documents else ()
    return {name: sum(document["counts"][name] for document in documents) for name in names}


def _print_plan(plan):
    for planned in plan["recordings"]:
        print(f"{planned['recordingSid']}  {_state(planned)}")
    print("plan: " + ", ".join(f"{name} {count:,}" for name, count in plan["counts"].items()))


def _state(planned):
    state = planned.get("vault", "unknown")
    if state == "locked":
        ends = [f"until {planned['lockedUntil']}"] if "lockedUntil" in planned else []
        holds = ["by a legal hold"] if planned["legalHold"] else []
        state = f"stored, kept by Object Lock {' and '.join(ends + holds)}"
    original = {"atTwilio": "original at Twilio", "gone": "original gone"}.get(planned.get("original"))
    problem = planned.get("problem")
    return ", ".join(filter(None, [state, original, problem and f"unknown: {problem}"]))


def merged(states):
    """Returns one report of the operations."""
    works = [state["work"]["eraseList"] for state in states]
    failures = [f"{state['operation']}: {state['error']}" for state in states if state["status"] == "failed"]
    return {
        "operations": [state["operation"] for state in states],
        "counts": _sums(works),
        "recordings": [erased for work in works for erased in work["recordings"]],
        "failures": failures,
    }


def print_report(report, again="erase again", has_locks=False):
    """Prints a report. Returns the exit status. `again` says how to erase the same recordings again.

    `has_locks`: Object Lock kept some before the erasure.
    """
    print(*_report_lines(report), sep="\n")
    if has_locks or report["counts"]["locked"]:
        print(f"{again} after the locks have ended, to remove the versions that Object Lock keeps")
    troubles = ("failed", "locked", "originalsUnderWay")
    return int(bool(report["failures"]) or any(report["counts"][trouble] for trouble in troubles))


def _report_lines(report):
    lines = [_result(erased) for erased in report["recordings"]]
    counts = report["counts"]
    lines.append("erased: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    if counts["erasedBefore"]:
        lines.append(f"{counts['erasedBefore']:,} had been erased before, which did no harm")
    if counts["originalsUnderWay"]:
        lines.append("jobs had begun to delete originals at Twilio. Erase again after 20 minutes to see the result")
    return lines + [f"failed: {failure}" for failure in report["failures"]]


def _result(erased):
    held = "".join(f", retained by Object Lock: version {version}" for version in erased.get("held", []))
    original = f", original {erased['original']}" if "original" in erased else ""
    problem = f": {erased['problem']}" if "problem" in erased else ""
    return f"{erased['recordingSid']}  {erased['result']}{original}{held}{problem}"
