"""Answers of commands as a table for people, and as CSV for a spreadsheet."""

import csv
import io
import unicodedata

# A spreadsheet takes a cell that begins with one of these for a formula.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def text(headings, rows):
    """Returns the lines of a table with aligned columns. Names may come from people, so nothing in it moves a cursor."""
    shown = [[_printable(cell) for cell in row] for row in [headings, *rows]]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    return ["  ".join(map(_padded, row, widths)).rstrip() for row in shown]


def comma_separated(documents, columns):
    """Returns documents as CSV (RFC 4180), with a line for the columns."""
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(columns)
    writer.writerows([_cell(document[column]) for column in columns] for document in documents)
    return output.getvalue()


def _padded(cell, width):
    return cell + " " * (width - _width(cell))


def _width(cell):
    """Returns the number of a terminal's columns: two for a wide character, none for one that joins the character before."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in cell)
    return len(cell) + wide - sum(unicodedata.category(letter) in ("Mn", "Me", "Cf") for letter in cell)


def _printable(cell):
    return "".join(letter if letter.isprintable() else "?" for letter in ("-" if cell is None else str(cell)))


def _cell(value):
    if isinstance(value, str) and value.startswith(FORMULAS):
        return f"'{value}"
    return value
