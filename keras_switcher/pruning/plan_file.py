"""Plan files: JSON, validated in full before anything is made of it."""

import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from reprlib import repr as short
from typing import Any, Never

import numpy as np

from keras_switcher.atomic_files import atomic_write_text
from keras_switcher.pruning.plan import GroupPlan, Plan

PLAN_FORMAT = 1
# In all groups and connections of a plan: a gigabyte of factors. The Dense layers of VGG16 have
# 124 million connections.
MOST_FACTORS = 2**28
LARGEST_FACTOR = float(np.finfo("float32").max)


def write_plan(path: Path, plan: Plan) -> None:
    """Writes a plan file, which is replaced as a whole or not at all.

    Args:
        path: The file.
        plan: A `Plan`.

    Raises:
        ValueError: If `read_plan` would refuse it: a factor is negative or not finite, say.
    """
    content = {
        "format": PLAN_FORMAT,
        "every_dense_input": plan.every_dense_input,
        "groups": {name: _group_to_json(group) for name, group in plan.groups.items()},
        "connections": {
            name: {"shape": list(matrix.shape), **_sparse(matrix.ravel(), matrix.ravel() > 0)}
            for name, matrix in plan.connections.items()
        },
    }
    try:
        _checked(content)
    except ValueError as error:
        raise ValueError(f"The plan was not saved: {error}. {path} was left as it was.") from None
    atomic_write_text(path, json.dumps(content))


def read_plan(path: Path) -> Plan:
    """Reads a plan file.

    Args:
        path: The file.

    Raises:
        ValueError: If the file is no plan, or one of another format.
    """
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=_once, parse_constant=_no_number)
        groups, every_dense_input, connections = _checked(content)
    except RecursionError:
        raise ValueError(f"{path} is not a pruning plan: it is nested too deeply.") from None
    except ValueError as error:
        raise ValueError(f"{path} is not a pruning plan: {error}.") from error
    return Plan(
        {name: _group_from_json(entry) for name, entry in groups.items()},
        every_dense_input,
        {name: _filled(entry, entry["shape"]) for name, entry in connections.items()},
    )


def _group_to_json(group: GroupPlan) -> dict:
    return {
        "size": len(group.keep),
        "keep": np.flatnonzero(group.keep).tolist(),
        "constant": np.flatnonzero(group.constant).tolist(),
        "scale": _sparse(group.scale, group.keep | group.constant),
        "reason": group.reason,
    }


def _sparse(values: np.ndarray, where: np.ndarray) -> dict[str, list]:
    return {"places": np.flatnonzero(where).tolist(), "values": values[where].tolist()}


def _group_from_json(entry: dict) -> GroupPlan:
    keep, constant = np.zeros((2, entry["size"]), bool)
    keep[entry["keep"]] = constant[entry["constant"]] = True
    scale = _filled(entry["scale"], [entry["size"]])
    return GroupPlan(keep, scale, constant, entry["reason"])


def _filled(entry: dict, shape: list[int]) -> np.ndarray:
    values = np.array(entry["values"], "float64")
    is_single = (values.astype("float32") == values).all()
    filled = np.zeros(math.prod(shape), "float32" if is_single else "float64")
    filled[entry["places"]] = values
    return filled.reshape(shape)


def _once(pairs: list[tuple[str, Any]]) -> dict:
    """The entries of a JSON object, in which no name may occur twice: the last one would win."""
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise ValueError(f"{short(twice[0])} is there twice")
    return dict(pairs)


def _no_number(constant: str) -> Never:
    raise ValueError(f"{constant} is no number of JSON")


def _checked(content: Any) -> tuple[dict, bool, dict]:
    """Groups, `every_dense_input` and connections, after all checks that need no array."""
    what = "the file"
    _check_is(content, dict, what)
    if "format" not in content:
        raise ValueError("it has no 'format'")
    if type(content["format"]) is not int or content["format"] != PLAN_FORMAT:
        raise ValueError(
            f"it has format {short(content['format'])}; this version of keras_switcher reads "
            f"{PLAN_FORMAT}"
        )
    _check_names(content, ["format", "every_dense_input", "groups", "connections"], what)
    _check_is(content["every_dense_input"], bool, "'every_dense_input'")
    for part, check in [("groups", _check_group), ("connections", _check_matrix)]:
        _check_is(content[part], dict, f"'{part}'")
        for name, entry in content[part].items():
            check(entry, f"{short(name)} of '{part}'")
    groups, connections = content["groups"], content["connections"]
    factors = sum(entry["size"] for entry in groups.values())
    factors += sum(math.prod(entry["shape"]) for entry in connections.values())
    if factors > MOST_FACTORS:
        raise ValueError(f"it has {factors:,} factors, and {MOST_FACTORS:,} are allowed")
    return groups, content["every_dense_input"], connections


def _check_group(entry: Any, what: str) -> None:
    _check_names(entry, ["size", "keep", "constant", "scale", "reason"], what)
    size = entry["size"]
    _check_size(size, f"'size' of {what}")
    for name in ("keep", "constant"):
        _check_places(entry[name], size, f"'{name}' of {what}")
    _check_names(entry["scale"], ["places", "values"], f"'scale' of {what}")
    _check_sparse(entry["scale"], size, f"'scale' of {what}")
    if entry["scale"]["places"] != sorted({*entry["keep"], *entry["constant"]}):
        raise ValueError(f"'scale' of {what} must have the places of 'keep' and 'constant'")
    if entry["reason"] is not None:
        _check_is(entry["reason"], str, f"'reason' of {what}")


def _check_matrix(entry: Any, what: str) -> None:
    _check_names(entry, ["shape", "places", "values"], what)
    shape = entry["shape"]
    _check_is(shape, list, f"'shape' of {what}")
    if len(shape) != 2:
        raise ValueError(f"'shape' of {what} must be two numbers, not {short(shape)}")
    for size in shape:
        _check_size(size, f"'shape' of {what}")
    _check_sparse(entry, math.prod(shape), what)


def _check_sparse(entry: dict, size: int, what: str) -> None:
    places, values = entry["places"], entry["values"]
    _check_places(places, size, f"'places' of {what}")
    _check_is(values, list, f"'values' of {what}")
    if len(values) != len(places):
        raise ValueError(f"{what} has {len(values)} values for {len(places)} places")
    for value in values:
        if type(value) not in (int, float) or not 0 <= value <= LARGEST_FACTOR:
            raise ValueError(
                f"'values' of {what} must be finite numbers, 0 or more, not {short(value)}"
            )


def _check_places(places: Any, size: int, what: str) -> None:
    _check_is(places, list, what)
    for place in places:
        _check_is(place, int, f"a place in {what}")
    if any(place >= after for place, after in pairwise([-1, *places, size])):
        raise ValueError(f"{what} must be places from 0 to {size - 1} that rise")


def _check_size(size: Any, what: str) -> None:
    if type(size) is not int or not 1 <= size <= MOST_FACTORS:
        raise ValueError(
            f"{what} must be a whole number from 1 to {MOST_FACTORS:,}, not {short(size)}"
        )


def _check_names(entry: Any, names: list[str], what: str) -> None:
    _check_is(entry, dict, what)
    if different := sorted(entry.keys() ^ set(names)):
        word = "an unknown" if different[0] in entry else "no"
        raise ValueError(f"{what} has {word} {short(different[0])}")


WORDS = {dict: "an object", list: "a list", bool: "true or false", int: "a whole number"}


def _check_is(value: Any, kind: type, what: str) -> None:
    if type(value) is not kind:  # isinstance takes true for a number.
        raise ValueError(f"{what} must be {WORDS.get(kind, 'a text')}, not {short(value)}")
