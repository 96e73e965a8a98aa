"""The difference between a deployed template and a new one, by resources."""

import json


def parsed(body):
    """Returns a template as CloudFormation gives it back, or None if it is not JSON."""
    if isinstance(body, str):
        try:
            return json.loads(body)
        except ValueError:
            return None
    # boto3 gives an ordered dictionary.
    return json.loads(json.dumps(body))


def resources(old, new):
    """Returns one line for each resource that is added, removed or changed. `old` is None for a new stack."""
    before, after = (old or {}).get("Resources", {}), new.get("Resources", {})
    lines = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            lines.append(f"+ {name} ({after[name]['Type']})")
        elif name not in after:
            lines.append(f"- {name} ({before[name]['Type']})")
        elif before[name] != after[name]:
            lines.append(f"~ {name} ({after[name]['Type']}): {', '.join(_changed(before[name], after[name]))}")
    return lines


def _changed(before, after):
    """Returns the names of the properties and attributes that differ."""
    flat = [one | one.get("Properties", {}) for one in (before, after)]
    names = sorted(name for name in flat[0].keys() | flat[1].keys() if name != "Properties")
    return [name for name in names if flat[0].get(name) != flat[1].get(name)]
