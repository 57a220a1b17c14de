import pickle
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, kw_only=True)
class Box:
    """A tool that holds tools."""

    size: int
    best: Tool
    tools: dict[str, Tool]
    prices: dict[str, float]

    def use(self) -> str:
        return self.best.use()


@dataclass(kw_only=True)
class Handle:
    """Settings of a tool that may have none."""

    length: float
    grips: list[str]

    def __post_init__(self) -> None:
        if self.length <= 0:
            raise ConfigError(f"tool.handle: length is {self.length}; wanted above 0")


@dataclass(frozen=True, kw_only=True)
class Broom:
    handle: Handle | None

    def use(self) -> str:
        return "swish"


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


HANDLE = {"length": 2, "grips": ["top", "${word}"]}


@pytest.mark.parametrize(
    ("given", "built"), [(None, None), (HANDLE, Handle(length=2.0, grips=["top", "end"]))]
)
def test_a_plain_dataclass_is_built_as_itself_or_left_out(
    given: dict[str, object] | None, built: Handle | None
) -> None:
    root = OmegaConf.create({"word": "end", "tool": {"_target_": f"{HERE}.Broom", "handle": given}})
    found = build("tool", root.tool, Tool)
    assert found == Broom(handle=built)
    assert built is None or type(found.handle.grips) is list  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"length": 2}, r"tool\.handle\.grips: .*missing"),
        ({**HANDLE, "lenght": 2}, r"tool\.handle\.lenght: .*'lenght' not in 'Handle'"),
        ({**HANDLE, "length": "far"}, r"tool\.handle\.length: .*'far'.*Float"),
        ({**HANDLE, "length": 0}, r"tool\.handle: length is 0\.0; wanted above 0"),
        (3, r"tool\.handle: .*int is not a subclass of Handle"),
    ],
)
def test_a_plain_dataclass_that_cannot_be_built_says_why(given: object, message: str) -> None:
    root = OmegaConf.create({"word": "end", "tool": {"_target_": f"{HERE}.Broom", "handle": given}})
    with pytest.raises(ConfigError, match=f"^{message}"):
        build("tool", root.tool, Tool)


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


HAMMER = Hammer(weight=1.5, count=2, name=None, std=Std.sample, options={"a": 1})


def box(**changes: object) -> DictConfig:
    whole = {
        "_target_": f"{HERE}.Box",
        "size": 3,
        "best": node(),
        "tools": {"big": node(weight=3), "small": node()},
        "prices": {"big": 2},
    }
    return OmegaConf.create({**whole, **changes})


def test_a_field_typed_as_an_interface_is_a_component_of_its_own() -> None:
    built = build("tool", box(), Tool)
    assert built == Box(
        size=3,
        best=HAMMER,
        tools={"big": replace(HAMMER, weight=3.0), "small": HAMMER},
        prices={"big": 2.0},
    )
    assert pickle.loads(pickle.dumps(built)) == built


def test_components_may_stand_inside_each_other_and_point_to_each_other() -> None:
    root = OmegaConf.create({"tool": box(best=box(best=node(count=7)), tools={"a": "${..best}"})})
    built = build("tool", root.tool, Tool)
    assert built.best.best.count == 7  # type: ignore[attr-defined]
    assert built.tools == {"a": built.best}  # type: ignore[attr-defined]


def test_no_part_at_all_is_a_part_less() -> None:
    assert build("tool", box(tools={}), Tool).tools == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"best": node(wieght=1)}, ["tool.best.wieght: unknown", "did you mean 'weight'?"]),
        ({"best": node(weight="heavy")}, ["tool.best.weight: ", "'heavy'", "see conf/tool/"]),
        ({"best": node(weight="???")}, ["tool.best.weight is not set; give tool.best.weight="]),
        ({"best": node(weight=-1)}, ["tool.best: weight is -1.0; wanted above 0"]),
        ({"best": node(count=-1)}, ["tool.best: tool 'hammer': count is -1"]),
        ({"tools": {"big": node(count=2.5)}}, ["tool.tools.big.count: ", "2.5", "conf/tool/"]),
        ({"tools": {"big": node(weight="${nowhere}")}}, ["tool.tools.big.weight: ", "'nowhere'"]),
        ({"best": box(best=node(colour=1))}, ["tool.best.best.colour: unknown setting"]),
        ({"best": "hammer"}, ["tool.best is 'hammer'; wanted", "tool@tool.best=OPTION"]),
        ({"best": None}, ["tool.best is None; wanted a component of conf/tool/"]),
        ({"best": {}}, ["tool.best: has no _target_; wanted the class", "see conf/tool"]),
        ({"best": {"_target_": f"{HERE}.Brick"}}, ["tool.best._target_: ", "is no Tool"]),
        ({"tools": {"big": 3}}, ["tool.tools.big is 3; wanted", "tool@tool.tools.big=OPTION"]),
        ({"tools": {"big": "???"}}, ["tool.tools.big is None; wanted"]),
        ({"tools": [1]}, ["tool.tools is [1]; wanted"]),
        ({"size": "x"}, ["tool.size: ", "'x'", "see conf/tool/"]),
        ({"prices": {"big": "x"}}, ["tool.prices.big: ", "'x'"]),
    ],
)
def test_what_is_wrong_inside_is_named_by_its_whole_path(
    changes: dict[str, object], parts: list[str]
) -> None:
    root = OmegaConf.create({"tool": box(**changes)})
    with pytest.raises(ConfigError) as caught:
        build("tool", root.tool, Tool)
    message = str(caught.value)
    assert message.startswith(parts[0])
    assert [part for part in parts if part not in message] == []
    assert "\n" not in message


def test_a_node_elsewhere_points_to_the_options_of_its_interface() -> None:
    with pytest.raises(ConfigError, match=r"held_out\.x\.count: .*; see conf/tool/\*\.yaml"):
        build("held_out.x", node(count="?"), Tool)


@runtime_checkable
class LongName(Protocol):
    def use(self) -> str: ...


def test_the_group_of_an_interface_is_its_name_in_lower_case() -> None:
    with pytest.raises(ConfigError, match="see conf/long_name"):
        build("x", OmegaConf.create({}), LongName)
