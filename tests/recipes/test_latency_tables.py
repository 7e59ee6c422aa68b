"""What layers take on a machine is kept beside the rows; budgets of latency are shares of it."""

import pytest

import keras_switcher as ks
from recipes.latency_tables import latency_table, measure
from recipes.networks import TASKS
from recipes.studies import milliseconds
from recipes.switchers import budget_of


@pytest.mark.parametrize("task", milliseconds.SETTINGS)
def test_a_budget_is_a_share_of_the_network_s_own_table(task):
    network, settings = TASKS[task].network(), milliseconds.SETTINGS[task]
    table = latency_table(network.name)
    lines = milliseconds.LINES[task].values()
    of_latency = next(line for line in lines if line.settings.budget_of == "latency")
    budget = budget_of(of_latency.settings, network.name)
    assert budget.table.get_config() == table.get_config()
    small = ks.prune(network, budget)
    left = table.milliseconds(small, pruned_from=network) / table.milliseconds(network)
    assert 0.9 * milliseconds.MILLISECONDS < left <= milliseconds.MILLISECONDS
    assert budget_of(settings, network.name) == ks.Budget(
        settings.budget,
        "macs",
        start_epoch=settings.budget_start * settings.epochs,
        end_epoch=settings.budget_end * settings.epochs,
    )


def test_what_is_written_is_read_again(monkeypatch, tmp_path):
    table = ks.latency.LatencyTable({"a": [1, 0, 0, 0.5]}, overhead=1e-6, threads=2, round_to=4)
    monkeypatch.setattr(ks.latency, "measure", lambda *_, **__: table)
    path = measure("residual", tmp_path)
    assert path == tmp_path / "residual.json"
    assert latency_table("residual", tmp_path).get_config() == table.get_config()


def test_a_table_that_is_missing_is_told_with_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m recipes\.latency_tables"):
        latency_table("unknown", tmp_path)
