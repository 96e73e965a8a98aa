"""A model of CloudWatch's alarms, after its user guide ("Using metric math", "Alarm evaluation").

Reads [{"alarm": properties, "data": {"namespace metric dimension": [[minute, value], ...]}, "minutes": n}, ...] and prints
for each the state changes of the alarm with their minutes: [[minute, state], ...]. The alarm is created in minute 0. It is
evaluated every minute over the periods that end there, or every hour if its period is an hour. If data is missing,
CloudWatch also evaluates earlier points, but does not document how many.
"""

import json
import operator
import sys


class Point:
    """A value of a time series at one time, or none."""

    def __init__(self, value):
        self.value = value

    def join(self, other, operation):
        other = other.value if isinstance(other, Point) else other
        if self.value is None and other is None:
            return Point(None)
        try:
            # "Missing values in a time series are treated as 0."
            return Point(float(operation(self.value or 0, other or 0)))
        except ZeroDivisionError:
            return Point(None)

    def __add__(self, other):
        return self.join(other, operator.add)

    def __sub__(self, other):
        return self.join(other, operator.sub)

    def __truediv__(self, other):
        return self.join(other, operator.truediv)

    def __rmul__(self, scalar):
        return self.join(scalar, operator.mul) if self.value is not None else self

    def __gt__(self, other):
        return self.join(other, operator.gt) if self.value is not None else self


def fill(point, value):
    return Point(value) if point.value is None else point


def choose(condition, then, otherwise):
    chosen = then if condition.value else otherwise
    return chosen if isinstance(chosen, Point) else Point(chosen)


FUNCTIONS = {"__builtins__": {}, "FILL": fill, "IF": choose}


def statistic(name, values):
    if not values:
        return Point(None)
    return Point({"Sum": sum, "Maximum": max, "SampleCount": len}[name](values))


def series_name(metric):
    dimensions = [dimension["Value"]["Ref"] for dimension in metric.get("Dimensions", [])]
    return " ".join([metric["Namespace"], metric["MetricName"], *dimensions])


def period_of(alarm):
    stats = [metric["MetricStat"] for metric in alarm.get("Metrics", []) if "MetricStat" in metric]
    periods = {stat["Period"] for stat in stats} or {alarm["Period"]}
    assert len(periods) == 1, "each metric of an alarm must use the same period"
    return periods.pop() // 60


def point(alarm, data, end, length):
    """The alarm's value for the minutes from `end - length` up to, but not including, `end`."""

    def of(metric, stat):
        values = [value for minute, value in data.get(series_name(metric), []) if end - length <= minute < end]
        return statistic(stat, values)

    if "Metrics" not in alarm:
        return of(alarm, alarm["Statistic"])
    stats = {metric["Id"]: metric["MetricStat"] for metric in alarm["Metrics"] if "MetricStat" in metric}
    returned = [metric for metric in alarm["Metrics"] if metric["ReturnData"]]
    assert len(returned) == 1, "an alarm must return one series"
    names = {name: of(stat["Metric"], stat["Stat"]) for name, stat in stats.items()}
    return eval(returned[0]["Expression"], FUNCTIONS, names)  # from our own template, without builtins


COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}


def state(alarm, data, now, before):
    length, count = period_of(alarm), alarm["EvaluationPeriods"]
    values = [point(alarm, data, now - length * back, length).value for back in range(count)]
    treatment = alarm["TreatMissingData"]
    if treatment == "ignore" and None in values:
        return before
    compare = COMPARISONS[alarm["ComparisonOperator"]]
    breaching = sum(
        treatment == "breaching" if value is None else compare(value, alarm["Threshold"]) for value in values
    )
    return "ALARM" if breaching >= alarm.get("DatapointsToAlarm", count) else "OK"


def history(alarm, data, minutes):
    now_state, changes = "INSUFFICIENT_DATA", []
    step = 60 if period_of(alarm) >= 60 else 1
    for now in range(step, minutes + 1, step):
        next_state = state(alarm, data, now, now_state)
        if next_state != now_state:
            changes.append([now, next_state])
        now_state = next_state
    return changes


print(json.dumps([history(case["alarm"], case["data"], case["minutes"]) for case in json.load(sys.stdin)]))
