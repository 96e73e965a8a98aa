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


def resources(old, new, old_values, new_values):
    """Returns one line for each resource that is added, removed or changed. `old` is None for a new stack.

    The values are those of the parameters. They decide which resources a template has.
    """
    before, after = _present(old, old_values) if old else {}, _present(new, new_values)
    lines = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            lines.append(f"+ {name} ({after[name]['Type']})")
        elif name not in after:
            lines.append(f"- {name} ({before[name]['Type']})")
        elif before[name] != after[name]:
            lines.append(f"~ {name} ({after[name]['Type']}): {', '.join(_changed(before[name], after[name]))}")
    return lines


def _present(template, values):
    """Returns the resources whose conditions hold."""
    defaults = {name: str(one.get("Default", "")) for name, one in template.get("Parameters", {}).items()}
    conditions = template.get("Conditions", {})

    def holds(condition):
        match condition:
            case str(name) | {"Condition": str(name)}:
                return holds(conditions[name])
            case {"Fn::Not": [one]}:
                return not holds(one)
            case {"Fn::And": several}:
                return all(map(holds, several))
            case {"Fn::Or": several}:
                return any(map(holds, several))
            case {"Fn::Equals": [one, other]}:
                return text(one) == text(other)
        raise ValueError(f"an unknown condition: {condition}")

    def text(value):
        return (defaults | values)[value["Ref"]] if isinstance(value, dict) else str(value)

    return {
        name: resource
        for name, resource in template.get("Resources", {}).items()
        if "Condition" not in resource or holds(resource["Condition"])
    }


def _changed(before, after):
    """Returns the names of the properties and attributes that differ."""
    flat = [one | one.get("Properties", {}) for one in (before, after)]
    names = sorted(name for name in flat[0].keys() | flat[1].keys() if name != "Properties")
    return [name for name in names if flat[0].get(name) != flat[1].get(name)]
