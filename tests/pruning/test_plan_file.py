"""A plan's file is whole or was not written, and nothing in it is believed when it is read."""

import copy
import json
import os
import resource

import numpy as np
import pytest

from keras_switcher import PruningPlan
from keras_switcher.pruning.plan import GroupPlan


def plan():
    """Four channels of which two stay and one is a constant; 3x4 connections."""
    keep, constant = np.array([[1, 0, 1, 0], [0, 0, 0, 1]], bool)
    channels = GroupPlan(keep, np.array([0.5, 0, 1.25, 2], "float32"), constant)
    outputs = GroupPlan(np.ones(2, bool), np.ones(2, "float32"), np.zeros(2, bool), "the outputs")
    matrix = np.array([[0, 1, 0, 0], [0, 0.25, 0, 3], [0, 0, 0, 0]], "float32")
    return PruningPlan({"a": channels, "b": outputs}, True, {"a/connections": matrix})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "plan.json"
    plan().save(path)
    return path


def same(first, second):
    groups = [(first.groups[name], second.groups[name]) for name in first.groups]
    return (
        list(first.groups) == list(second.groups)
        and list(first.connections) == list(second.connections)
        and first.every_dense_input is second.every_dense_input
        and all(a.reason == b.reason for a, b in groups)
        and all(np.array_equal(getattr(a, n), getattr(b, n)) for a, b in groups for n in VECTORS)
        and all(np.array_equal(m, second.connections[n]) for n, m in first.connections.items())
    )


VECTORS = ("keep", "scale", "constant")


def test_what_is_loaded_is_what_was_saved(path):
    loaded = PruningPlan.load(path)
    assert same(loaded, plan())
    assert {getattr(g, n).dtype for g in loaded.groups.values() for n in VECTORS} == {
        np.dtype(bool),
        np.dtype("float32"),
    }
    assert [entry.name for entry in path.parent.iterdir()] == ["plan.json"]


def test_factors_of_double_precision_stay_as_they_were(tmp_path):
    keep, constant = plan().groups["a"].keep, plan().groups["a"].constant
    thirds = np.where(keep | constant, 1 / 3, 0)
    given = PruningPlan({"a": GroupPlan(keep, thirds, constant)}, False, {"c": thirds[None]})
    given.save(tmp_path / "plan.json")
    loaded = PruningPlan.load(tmp_path / "plan.json")
    for values in (loaded.groups["a"].scale, loaded.connections["c"][0]):
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, thirds)


def places_in(content, where=()):
    """Every place in a JSON document at which something else could be."""
    yield where
    if isinstance(content, dict | list):
        entries = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in entries:
            yield from places_in(value, (*where, key))


def changed(content, where, value):
    """The text of a document with one value replaced by the JSON text `value`, or deleted."""
    content, mark = copy.deepcopy(content), "@here@"
    if not where:
        return value or ""
    inner = content
    for key in where[:-1]:
        inner = inner[key]
    if value is None:
        del inner[where[-1]]
    else:
        inner[where[-1]] = mark
    return json.dumps(content).replace(json.dumps(mark), value or "")


DEEP = "[" * 100_000
STRANGE = [None, "true", "null", "-1", "0", "2", "1.0", "1e400", "NaN", '"x"', "[]", "{}"]
STRANGE += ["1000000000000", "[0, 0]", "[true]", DEEP]


def mutations(text):
    content = json.loads(text)
    for where in places_in(content):
        for value in STRANGE:
            yield changed(content, where, value)
    for place in range(0, len(text), 19):
        yield text[:place]
        yield text[:place] + "\0" + text[place + 1 :]
    for name in ('"size": 4, ', '"format": 1, ', '"reason": null'):
        yield text.replace(name, f"{name.rstrip(', ')}, {name}")
    for key in ('"a"', '"b"', '"size"', '"places"', '"format"'):
        yield text.replace(key, '"unknown"', 1)


def test_whatever_is_changed_in_a_file_is_refused_in_words_or_is_a_plan(path):
    text = path.read_text()
    refused, accepted = [], 0
    for mutation in mutations(text):
        path.write_text(mutation)
        try:
            loaded = PruningPlan.load(path)
        except ValueError as error:
            refused.append(str(error))
        else:
            loaded.save(path)
            assert same(loaded, PruningPlan.load(path))
            accepted += 1
    assert len(refused) > 700
    assert accepted < len(refused) / 10
    assert all(message.startswith(f"{path} is not a pruning plan: ") for message in refused)
    assert max(map(len, refused)) < len(str(path)) + 250


def in_group(**changes):
    return lambda content: content["groups"]["a"].update(changes)


def in_connections(**changes):
    return lambda content: content["connections"]["a/connections"].update(changes)


CAUSES = {
    "a place too far": (in_group(keep=[0, 7]), "'keep' of 'a' of 'groups' must be places from 0"),
    "a negative place": (in_group(constant=[-1, 3]), "'constant' of .* from 0 to 3 that rise"),
    "a place twice": (in_group(keep=[0, 0, 2]), "'keep' of .* that rise"),
    "places that fall": (in_group(keep=[2, 0]), "'keep' of .* that rise"),
    "a place that is true": (in_group(keep=[0, True]), "must be a whole number, not True"),
    "a place that is no integer": (in_group(keep=[0, 2.0]), "must be a whole number, not 2.0"),
    "places elsewhere": (in_group(keep=[0]), "must have the places of 'keep' and 'constant'"),
    "a huge size": (in_group(size=10**12), "from 1 to 268,435,456, not 1000000000000"),
    "a size that is true": (in_group(size=True), "'size' .* a whole number .* not True"),
    "a size that is text": (in_group(size="4"), "'size' .* a whole number .* not '4'"),
    "no channels": (in_group(size=0), "'size' .* a whole number from 1"),
    "an unknown name": (in_group(color="red"), "'a' of 'groups' has an unknown 'color'"),
    "a reason that is true": (in_group(reason=True), "'reason' .* must be a text, not True"),
    "a shape of one": (in_connections(shape=[12]), "'shape' .* two numbers"),
    "a shape of three": (in_connections(shape=[3, 2, 2]), "'shape' .* two numbers"),
    "a huge shape": (in_connections(shape=[10**9, 4]), "'shape' of .* from 1 to"),
    "a huge product": (in_connections(shape=[2**20, 2**20]), "1,099,511,627,782 factors, and"),
    "a value too few": (in_connections(values=[1, 2]), "has 2 values for 3 places"),
    "a negative value": (in_connections(values=[1, 2, -1]), "finite numbers, 0 or more, not -1"),
    "a value too large": (in_connections(values=[1, 2, 1e39]), "finite numbers, 0 or more"),
    "an infinite value": (in_connections(values=[1, 2, float("inf")]), "Infinity is no number"),
    "format is true": (lambda content: content.update(format=True), "has format True; this"),
    "format 1.0": (lambda content: content.update(format=1.0), "has format 1.0; this version"),
    "format is text": (lambda content: content.update(format="1"), "has format '1'; this version"),
    "newer": (lambda content: content.update(format=2), "format 2; this version .* reads 1"),
    "no format": (lambda content: content.pop("format"), "it has no 'format'"),
    "no connections": (lambda content: content.pop("connections"), "has no 'connections'"),
    "1 for true": (lambda content: content.update(every_dense_input=1), "must be true or false"),
}


@pytest.mark.parametrize("name", CAUSES)
def test_the_message_says_what_is_wrong(name, path):
    change, cause = CAUSES[name]
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"plan\.json is not a pruning plan: .*{cause}"):
        PruningPlan.load(path)


def test_many_sizes_that_are_each_allowed_are_counted_together(path):
    content = json.loads(path.read_text())
    entry = {**content["groups"]["a"], "size": 2**27}
    content["groups"] = {f"group{number}": entry for number in range(3)}
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="it has 402,653,196 factors, and 268,435,456 are allowed"):
        PruningPlan.load(path)


def test_a_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        PruningPlan.load(tmp_path / "none.json")


def full_disk(monkeypatch):
    def limited(self, text, **kwargs):
        with self.open("w") as file:
            file.write(text[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", limited)


def interrupted(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))


def no_replacing(monkeypatch):
    def denied(*_):
        raise PermissionError("denied")

    monkeypatch.setattr("pathlib.Path.replace", denied)


def no_fsync(monkeypatch):
    def failed(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fsync", failed)


@pytest.mark.parametrize("fault", [full_disk, interrupted, no_replacing, no_fsync])
@pytest.mark.parametrize("older", [True, False])
def test_a_save_that_fails_leaves_the_older_file_and_nothing_else(
    fault, older, tmp_path, monkeypatch
):
    path = tmp_path / "plan.json"
    if older:
        path.write_text("older")
    fault(monkeypatch)
    with pytest.raises((OSError, KeyboardInterrupt)):
        plan().save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"] * older
    assert not older or path.read_text() == "older"


def test_a_file_system_that_is_full_in_earnest(path):
    text, limit = path.read_text(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            plan().save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_text() == text
    assert [entry.name for entry in path.parent.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_what_could_not_be_loaded_is_not_saved(value, path):
    text, broken = path.read_text(), plan()
    broken.groups["a"].scale[0] = value
    with pytest.raises(ValueError, match=r"was not saved: 'values' .*plan\.json was left as it"):
        broken.save(path)
    assert path.read_text() == text


def test_a_folder_or_a_device_is_not_replaced(tmp_path):
    for path in (tmp_path, os.devnull):
        with pytest.raises(ValueError, match="is there and is not a file"):
            plan().save(path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"make the folder .*nowhere first"):
        plan().save(tmp_path / "nowhere" / "plan.json")


def test_a_link_stays_one(path):
    link = path.with_name("link.json")
    link.symlink_to(path)
    path.write_text("older")
    plan().save(link)
    assert link.is_symlink()
    assert same(PruningPlan.load(path), plan())
