"""The recordings that `find` prints, as a table, as CSV or as JSON. Rows are printed as they come."""

import csv
import io
import shutil

# The columns of the table: the title, the width, and the cell's text. The first five fit into 80 characters, and the others
# follow if the terminal is wide enough.
COLUMNS = (
    ("RECORDING", 34, lambda row: row["recordingSid"]),
    ("START (UTC)", 19, lambda row: row.get("start", "").replace("T", " ").rstrip("Z")),
    ("LENGTH", 8, lambda row: duration(row.get("durationS"))),
    ("STATE", 7, lambda row: row["state"]),
    ("ORIGINAL", 8, lambda row: ORIGINALS.get(row["original"], row["original"])),
    ("CALL", 34, lambda row: row.get("callSid", "")),
    ("TASK", 34, lambda row: row.get("taskSid", "")),
    ("CONFERENCE", 34, lambda row: row.get("conferenceSid", "")),
    ("RESERVATION", 34, lambda row: row.get("reservationSid", "")),
)

ORIGINALS = {"atTwilio": "Twilio", "notDeleted": "-"}

# The columns of CSV are the names of the answer.
FIELDS = (
    "recordingSid",
    "start",
    "durationS",
    "state",
    "original",
    "callSid",
    "conferenceSid",
    "taskSid",
    "reservationSid",
    "channels",
    "mediaType",
    "length",
    "sha256",
    "suspect",
    "source",
    "track",
    "copiedAt",
)

# A spreadsheet takes a cell that begins with one of these characters for a formula (OWASP, "CSV Injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def writer(form, console):
    """Returns the writer of a format: `table`, `csv` or `json`."""
    return {"table": Table, "csv": Csv, "json": Json}[form](console)


def duration(seconds):
    """Returns a duration as hours, minutes and seconds."""
    if seconds is None:
        return ""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


class Table:
    """A table for people, as wide as the terminal."""

    def __init__(self, console):
        self.console, self.count = console, 0
        self.columns = fitting(shutil.get_terminal_size().columns)

    def add(self, rows):
        lines = [self._line([cell(row) for _, _, cell in self.columns]) for row in rows]
        if rows and not self.count:
            lines.insert(0, self._line([title for title, _, _ in self.columns]))
        self.count += len(rows)
        self.console.write("".join(f"{line}\n" for line in lines))

    def end(self, _document):
        self.console.say(f"{self.count:,} found")

    def _line(self, cells):
        widths = [width for _, width, _ in self.columns]
        return " ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()


class Csv:
    """CSV with a header. The number of recordings goes to standard error."""

    def __init__(self, console):
        self.console, self.count, self.begun = console, 0, False

    def add(self, rows):
        text = io.StringIO()
        # A line ends as the lines of other commands do. Spreadsheets read that, and so does `wc`.
        table = csv.writer(text, lineterminator="\n")
        if not self.begun:
            table.writerow(FIELDS)
        self.begun = True
        table.writerows([safe(row.get(field)) for field in FIELDS] for row in rows)
        self.count += len(rows)
        self.console.write(text.getvalue())

    def end(self, _document):
        print(f"{self.count:,} found", file=self.console.errors)


class Json:
    """One JSON document. It is complete even if the search fails in the middle."""

    def __init__(self, console):
        self.console, self.count = console, 0
        console.as_json = True

    def add(self, rows):
        self.count += len(rows)
        self.console.items("found", rows)

    def end(self, document):
        self.console.result(document)


def fitting(width):
    """Returns the columns that fit into a terminal, at least those that every table has."""
    columns, used = list(COLUMNS[:5]), sum(column[1] + 1 for column in COLUMNS[:5]) - 1
    for column in COLUMNS[5:]:
        used += 1 + column[1]
        if used > width:
            break
        columns.append(column)
    return columns


def safe(value):
    """Returns the text of a cell, which no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
