"""The command `find`: which recordings there are for days, a call, a conference, a task, a reservation or a SID."""

import datetime

from . import operator_function, sids
from .found import writer
from .problems import DONE, WrongInput
from .stack_commands import new

# The questions by a SID, with the two letters that it begins with.
BY_SID = {
    "call": ("CA", "the recordings of a leg of a call"),
    "conference": ("CF", "the recordings of a conference"),
    "task": ("WT", "the recordings of a task"),
    "reservation": ("WR", "the recordings of a reservation"),
    "recording": ("RE", "one recording, also if it is erased, expired or absent"),
}

# The most index entries of one answer of the function.
PAGE = 1000

DESCRIPTION = """List recordings in the vault: when they began, how long they are, and whether they are still here.

Give one question: --from and --to, or one of the SIDs. Days and times are in UTC. An erased recording is only named if you ask
for it by its own SID. STATE is stored, suspect, erased, expired (deleted by the bucket's retention) or absent. ORIGINAL is the
recording at Twilio: "Twilio" if it is still there, deleted, unknown if Twilio did not answer, or - if nobody asked Twilio and no
deletion is recorded. Questions by a SID ask Twilio. Questions by days ask it only with --originals.
"""


def add(commands, common):
    """Adds the command to the command line."""
    parser = new(commands, common, "find", "list recordings by days, call, conference, task or reservation", DESCRIPTION)
    question = parser.add_argument_group("the question")
    question.add_argument("--from", dest="first", type=datetime.date.fromisoformat, metavar="DAY", help="2026-11-01, UTC")
    question.add_argument(
        "--to", dest="last", type=datetime.date.fromisoformat, metavar="DAY", help="the last day, inclusive"
    )
    for name, (prefix, words) in BY_SID.items():
        question.add_argument(f"--{name}", metavar=f"{prefix}...", help=words)
    parser.add_argument("--originals", action="store_true", help="ask Twilio for each original")
    parser.add_argument(
        "--format", choices=("table", "csv", "json"), help="table (default), csv, or json, which is the same as --json"
    )
    parser.set_defaults(run=_run)


def question_of(chosen):
    """Returns the question of the command line as the operator function takes it."""
    asked = [name for name in BY_SID if getattr(chosen, name) is not None]
    by_days = chosen.first is not None or chosen.last is not None
    if len(asked) + by_days != 1:
        names = ", ".join(f"--{name}" for name in BY_SID)
        raise WrongInput(f"ask one question: --from and --to, or one of {names}")
    if asked:
        [name] = asked
        return {name: sids.checked(getattr(chosen, name), BY_SID[name][0])}
    if chosen.first is None or chosen.last is None:
        raise WrongInput("--from and --to belong together. For one day, give it twice")
    if chosen.first > chosen.last:
        raise WrongInput(f"--from {chosen.first} is after --to {chosen.last}")
    return {"from": chosen.first.isoformat(), "to": chosen.last.isoformat()}


def _run(chosen, console):
    if console.as_json and chosen.format not in (None, "json"):
        raise WrongInput(f"--json and --format {chosen.format} contradict each other")
    rows = writer(chosen.format or ("json" if console.as_json else "table"), console)
    question = question_of(chosen)
    if chosen.originals:
        question["originals"] = True
    stack, vault = operator_function.connect(chosen, console)
    with console.step("searching", lambda: f", {rows.count:,} found"):
        for page in pages(vault, question):
            rows.add(page)
    rows.end({"stack": stack.name, "exitCode": DONE})
    return DONE


def pages(vault, question):
    """Yields the recordings of each answer until there are no more."""
    after = {}
    while after is not None:
        answer = operator_function.ask(vault, {"find": question | {"max": PAGE} | after})
        yield answer["found"]
        after = {"after": answer["next"]} if answer.get("next") else None
