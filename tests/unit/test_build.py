from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pytest
from omegaconf import DictConfig, OmegaConf

from advdistill.build import build
from advdistill.errors import ConfigError
from advdistill.groups import Std

HERE = "tests.unit.test_build"


@runtime_checkable
class Tool(Protocol):
    def use(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Hammer:
    weight: float
    count: int
    name: str | None
    std: Std
    options: dict[str, int]

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise ConfigError(f"weight is {self.weight}; wanted above 0")
        if self.count < 0:
            raise ConfigError(f"tool 'hammer': count is {self.count}; wanted 0 or more")

    def use(self) -> str:
        return "bang"


@dataclass(frozen=True)
class Brick:
    """No tool."""


class Plain:
    """No dataclass."""


def node(**changes: object) -> DictConfig:
    whole = {
        "_target_": f"{HERE}.Hammer",
        "weight": 1.5,
        "count": 2,
        "name": None,
        "std": "sample",
        "options": {"a": 1},
    }
    return OmegaConf.create({**whole, **changes})


def test_a_node_becomes_the_class_it_names_with_plain_values() -> None:
    built = build("tool", node(weight=2), Tool)
    assert built == Hammer(weight=2.0, count=2, name=None, std=Std.sample, options={"a": 1})
    assert type(built.weight) is float  # type: ignore[attr-defined]
    assert type(built.options) is dict  # type: ignore[attr-defined]


def test_values_are_resolved_where_they_point_elsewhere() -> None:
    whole = OmegaConf.create({"seed": 7, "tool": node(count="${seed}")})
    assert build("tool", whole.tool, Tool).count == 7  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"wieght": 1}, ["tool.wieght", "unknown setting", "did you mean 'weight'?", "it has:"]),
        ({"colour": 1}, ["tool.colour", "unknown setting", "it has: weight, count"]),
        ({"weight": "???"}, ["tool.weight is not set", "give tool.weight=VALUE"]),
        ({"weight": "heavy"}, ["tool.weight", "'heavy'", "Float", "see conf/tool/"]),
        ({"weight": None}, ["tool.weight", "None", "float"]),
        ({"count": 2.5}, ["tool.count", "2.5", "Integer"]),
        ({"count": True}, ["tool.count", "True", "Integer"]),
        ({"count": [1]}, ["tool.count", "[1]", "Integer"]),
        ({"std": "both"}, ["tool.std", "'both'", "population, sample, none"]),
        ({"options": 3}, ["tool.options", "int", "Dict[str, int]"]),
        ({"options": {"a": "x"}}, ["tool.options.a", "'x'", "Integer"]),
        ({"weight": "${nowhere}"}, ["tool.weight", "'nowhere' not found"]),
        ({"weight": -1}, ["tool: weight is -1.0; wanted above 0"]),
        ({"count": -1}, ["tool 'hammer': count is -1; wanted 0 or more"]),
        ({"_target_": f"{HERE}.Hamer"}, ["tool._target_", "Hamer' cannot be imported", "wanted"]),
        ({"_target_": "no.such.Thing"}, ["tool._target_", "no.such.Thing", "wanted package"]),
        ({"_target_": "Thing"}, ["tool._target_", "'Thing' cannot be imported"]),
        ({"_target_": f"{HERE}.Plain"}, ["tool._target_", "is no dataclass; wanted one"]),
        ({"_target_": f"{HERE}.node"}, ["tool._target_", "is no dataclass; wanted one"]),
    ],
)
def test_a_node_that_cannot_be_built_says_what_was_found_and_wanted(
    changes: dict[str, object], parts: list[str]
) -> None:
    root = OmegaConf.create({"tool": node(**changes)})
    with pytest.raises(ConfigError) as caught:
        build("tool", root.tool, Tool)
    message = str(caught.value)
    assert message.startswith("tool")
    assert [part for part in parts if part not in message] == []
    assert "\n" not in message


def test_a_field_that_is_left_out_is_not_set() -> None:
    short = node()
    del short["std"]
    with pytest.raises(ConfigError, match=r"tool\.std is not set; give tool\.std=VALUE"):
        build("tool", short, Tool)


def test_a_node_without_a_class_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tool: has no _target_; wanted the class to build"):
        build("tool", OmegaConf.create({"weight": 1}), Tool)


def test_a_class_of_another_group_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tool\._target_: .*Brick is no Tool; wanted a class"):
        build("tool", OmegaConf.create({"_target_": f"{HERE}.Brick"}), Tool)
