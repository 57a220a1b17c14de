"""Experiments, sweeps and the default compose with everything they may be given."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from advdistill.config import plan_of
from advdistill.errors import ConfigError
from tests.builders import CONF, composed, options
from tests.contract.components import component

EXPERIMENTS = options("experiment")
OBJECTIVES = options("objective")
NEEDS_DATA = ("gsm8k_recorded",)


def plain(cfg: Any) -> dict[str, Any]:
    found = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(found, dict)
    return {str(name): value for name, value in found.items()}


def test_the_default_is_the_quickstart() -> None:
    assert plain(composed()) == plain(composed("+experiment=quickstart"))


TRIALS = [
    (EXPERIMENTS[number % len(EXPERIMENTS)], weighting, OBJECTIVES[number % len(OBJECTIVES)])
    for number, weighting in enumerate(options("weighting"))
]
"""Each experiment, weighting and objective at least once: groups are composed one by one."""


def test_the_trials_hold_every_experiment_weighting_and_objective() -> None:
    experiments, weightings, objectives = zip(*TRIALS, strict=True)
    assert set(experiments) == set(EXPERIMENTS)
    assert set(weightings) == set(options("weighting"))
    assert set(objectives) == set(OBJECTIVES)


@pytest.mark.parametrize(("experiment", "weighting", "objective"), TRIALS)
def test_an_experiment_takes_any_weighting_and_objective(
    experiment: str, weighting: str, objective: str, tmp_path: Path
) -> None:
    pair = {"weighting": weighting, "objective": objective}
    chosen = [f"{group}={option}" for group, option in pair.items()]
    cfg = composed(f"+experiment={experiment}", *chosen)
    alone = {group: option_of(group, option) for group, option in pair.items()}
    assert plain(cfg) == {**plain(composed(f"+experiment={experiment}")), **alone}
    if experiment not in NEEDS_DATA:
        cfg.outputs = str(tmp_path)
        parts = {group: component(group, option) for group, option in pair.items()}
        found = parts["objective"].objection(signed=parts["weighting"].signed)
        assert refusal(cfg) == found


def option_of(group: str, option: str) -> Any:
    return plain(composed(f"{group}={option}"))[group]


def refusal(cfg: DictConfig) -> str | None:
    """Return why the configuration cannot be planned."""
    try:
        plan_of(cfg, {})
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_is_named_as_its_file(experiment: str) -> None:
    assert composed(f"+experiment={experiment}").name == experiment


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_sets_groups_and_top_level_scalars_alone(experiment: str) -> None:
    node = OmegaConf.load(CONF / "experiment" / f"{experiment}.yaml")
    named = ("override /", "/dataset@held_out.")
    assert all(str(key).startswith(named) for part in node.defaults for key in part)
    scalars = {name for name, value in composed().items() if not OmegaConf.is_config(value)}
    assert {str(name) for name in node} - {"defaults"} <= scalars


@pytest.mark.parametrize("experiment", [name for name in EXPERIMENTS if name not in NEEDS_DATA])
def test_an_experiment_can_be_planned_without_network(experiment: str, tmp_path: Path) -> None:
    cfg = composed(f"+experiment={experiment}", f"outputs={tmp_path}")
    assert plan_of(cfg, {}).settings.name == experiment


@pytest.mark.data
@pytest.mark.parametrize("experiment", NEEDS_DATA)
def test_an_experiment_on_recorded_data_can_be_planned(
    experiment: str, tmp_path: Path, data: Path
) -> None:
    cfg = composed(f"+experiment={experiment}", f"outputs={tmp_path}")
    assert plan_of(cfg, {}).teacher.sources()[0].is_relative_to(data)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_command_line_beats_the_experiment(experiment: str) -> None:
    cfg = composed(f"+experiment={experiment}", "name=mine", "seed=5", "tracking=none")
    assert (cfg.name, cfg.seed, cfg.student.seed) == ("mine", 5, 5)


@pytest.mark.parametrize("sweep", options("sweep"))
def test_a_sweep_varies_options_that_exist(sweep: str) -> None:
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        cfg = compose("config", overrides=[f"+sweep={sweep}"], return_hydra_config=True)
    swept = {str(group): choices for group, choices in cfg.hydra.sweeper.params.items()}
    assert swept.pop("seed")
    assert cfg.hydra.mode.name == "MULTIRUN"
    for group, choices in swept.items():
        values = str(choices).split(",")
        if "." in group:  # a field, which must take each of them
            for value in values:
                assert composed(f"{group}={value}")
        else:
            assert set(values) <= set(options(group))
    assert swept
