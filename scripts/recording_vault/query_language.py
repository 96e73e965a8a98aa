"""The part of the query language of CloudWatch Logs Insights that `audit_queries` uses, for logs that are files.

The source is "CloudWatch Logs Insights language query syntax" in the CloudWatch Logs User Guide. Anything that the
queries do not use is an error. A missing field is None. It equals nothing, and arithmetic with it gives None.
"""

import operator
import re

TOKEN = re.compile(
    r'\s*(?:"(?P<text>[^"]*)"|(?P<number>\d+)|(?P<name>[@A-Za-z_][\w.@]*)|(?P<mark>>=|[-=<+*/()\[\],|]))'
)

COMPARISONS = {"=": operator.eq, ">=": operator.ge, "<": operator.lt}
ARITHMETIC = {"+": operator.add, "*": operator.mul, "/": operator.truediv}


class Unsupported(ValueError):
    """The query has something that is not part of the subset."""


def run(query, lines):
    """Returns the rows of a query over lines. Both are dictionaries of fields. A row has no field without a value.

    A line has flat fields (`span.requestId`) and `@timestamp`, in milliseconds since the Unix epoch.
    """
    for name, command in parsed(query):
        lines = COMMANDS[name](command, lines)
    return [{name: value for name, value in row.items() if value is not None} for row in lines]


def parsed(query):
    """Returns the commands of a query: names, and what follows as a tree."""
    tokens = _Tokens(query)
    commands = []
    while True:
        name = tokens.take("name")
        if name not in PARSERS:
            raise Unsupported(f"the command {name}")
        commands.append((name, PARSERS[name](tokens)))
        if tokens.ended():
            return commands
        tokens.expect("|")


class _Tokens:
    """The words of a query, each with its kind."""

    def __init__(self, query):
        self._words, at = [], 0
        query = query.rstrip()
        while at < len(query):
            match = TOKEN.match(query, at)
            if not match:
                raise Unsupported(query[at:][:20])
            self._words.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self._words.reverse()

    def ended(self):
        return not self._words

    def next_is(self, *words):
        return bool(self._words) and self._words[-1][0] in ("mark", "name") and self._words[-1][1] in words

    def next_kind(self):
        return self._words[-1][0] if self._words else None

    def take(self, kind):
        if self.next_kind() != kind:
            raise Unsupported(f"{self._words[-1][1] if self._words else 'the end'} in the place of a {kind}")
        return self._words.pop()[1]

    def expect(self, word):
        if not self.next_is(word):
            raise Unsupported(f"no {word} where it is expected")
        self._words.pop()

    def accepts(self, *words):
        return self._words.pop()[1] if self.next_is(*words) else None

    def listed(self, one):
        found = [one(self)]
        while self.accepts(","):
            found.append(one(self))
        return found


def _condition(tokens):
    tree = _comparison(tokens)
    while tokens.accepts("and"):
        tree = ("and", tree, _comparison(tokens))
    return tree


def _comparison(tokens):
    left = _sum(tokens)
    if tokens.accepts("in"):
        tokens.expect("[")
        values = tokens.listed(lambda tokens: tokens.take("text"))
        tokens.expect("]")
        return ("in", left, values)
    sign = tokens.accepts(*COMPARISONS)
    return ("compare", sign, left, _sum(tokens)) if sign else left


def _sum(tokens):
    return _chain(tokens, ("+",), lambda tokens: _chain(tokens, ("*", "/"), _operand))


def _chain(tokens, signs, operand):
    tree = operand(tokens)
    while sign := tokens.accepts(*signs):
        tree = ("arithmetic", sign, tree, operand(tokens))
    return tree


def _operand(tokens):
    match tokens.next_kind():
        case "text":
            return ("value", tokens.take("text"))
        case "number":
            return ("value", int(tokens.take("number")))
    name = tokens.take("name")
    if not tokens.accepts("("):
        return ("field", name)
    arguments = tokens.listed(_sum)
    tokens.expect(")")
    if name not in FUNCTIONS and name not in AGGREGATES:
        raise Unsupported(f"the function {name}")
    return ("call", name, arguments)


def _named(tokens):
    tree = _sum(tokens)
    tokens.expect("as")
    return tokens.take("name"), tree


def _parse_stats(tokens):
    values = tokens.listed(_named)
    tokens.expect("by")
    return values, tokens.listed(lambda tokens: tokens.take("name"))


def _parse_sort(tokens):
    name = tokens.take("name")
    tokens.expect("asc")
    return name


PARSERS = {
    "filter": _condition,
    "fields": lambda tokens: tokens.listed(_named),
    "stats": _parse_stats,
    "sort": _parse_sort,
    "limit": lambda tokens: int(tokens.take("number")),
}


def _filter(condition, lines):
    return (line for line in lines if value_of(condition, line))


def _fields(named, lines):
    for line in lines:
        line = dict(line)
        for name, tree in named:
            line[name] = value_of(tree, line)
        yield line


def _stats(command, lines):
    values, by = command
    groups = {}
    for line in lines:
        groups.setdefault(tuple(line.get(name) for name in by), []).append(line)
    for key, group in groups.items():
        row = dict(zip(by, key, strict=True))
        for name, tree in values:
            # A value may use the values before it.
            row[name] = _aggregated(tree, group) if tree[0] == "call" else value_of(tree, row)
        yield row


def _aggregated(tree, group):
    _, name, [argument] = tree
    found = [value for line in group if (value := value_of(argument, line)) is not None]
    return AGGREGATES[name](found) if found else None


COMMANDS = {
    "filter": _filter,
    "fields": _fields,
    "stats": _stats,
    "sort": lambda name, lines: sorted(lines, key=lambda line: line[name]),
    "limit": lambda count, lines: list(lines)[:count],
}


def value_of(tree, line):
    """Returns the value of an expression for a line."""
    match tree:
        case ("value", value):
            return value
        case ("field", name):
            return line.get(name)
        case ("call", name, arguments):
            return FUNCTIONS[name](*(value_of(argument, line) for argument in arguments))
        case ("and", left, right):
            return bool(value_of(left, line) and value_of(right, line))
        case ("in", left, values):
            return value_of(left, line) in values
        case ("compare", sign, left, right):
            pair = value_of(left, line), value_of(right, line)
            return _alike(*pair) and COMPARISONS[sign](*pair)
        case ("arithmetic", sign, left, right):
            pair = value_of(left, line), value_of(right, line)
            usable = all(isinstance(value, (int, float)) for value in pair) and not (sign == "/" and pair[1] == 0)
            return ARITHMETIC[sign](*pair) if usable else None
    raise Unsupported(tree[0])


def _alike(left, right):
    return isinstance(left, str) and isinstance(right, str) or all(isinstance(v, (int, float)) for v in (left, right))


FUNCTIONS = {
    "ispresent": lambda value: value is not None,
    "strcontains": lambda text, part: int(isinstance(text, str) and part in text),
    "toMillis": lambda milliseconds: milliseconds,
}

AGGREGATES = {
    "min": min,
    "max": max,
    "sum": sum,
    "sortsLast": lambda values: max(map(str, values)),
}
