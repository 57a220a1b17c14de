"""What holds for every YAML of every group; adding a YAML adds its tests."""

import pickle
from dataclasses import FrozenInstanceError, fields, is_dataclass
from importlib import import_module

import pytest
from omegaconf import OmegaConf

from advdistill.digests import digest_of_json, settings_of
from tests.builders import CONF, composed
from tests.contract.components import KINDS, OPTIONS, component

every = pytest.mark.parametrize(("group", "option"), OPTIONS)


def test_every_group_has_an_option() -> None:
    assert {group for group, _ in OPTIONS} == set(KINDS)


@every
def test_the_yaml_lists_every_field_in_its_order(group: str, option: str) -> None:
    """Fields that hold components, and a variant's other fields, come from its defaults."""
    given = [str(key) for key in OmegaConf.load(CONF / group / f"{option}.yaml")]
    whole = composed(f"{group}={option}")[group]
    module, _, name = whole._target_.rpartition(".")
    wanted = [field.name for field in fields(getattr(import_module(module), name))]
    assert {str(key) for key in whole} == {"_target_", *wanted}
    if "defaults" not in given:
        assert given == ["_target_", *wanted]
    assert [key for key in given if key != "defaults"] == [
        key for key in ("_target_", *wanted) if key in given
    ]


@every
def test_it_builds_twice_alike(group: str, option: str) -> None:
    one, other = component(group, option), component(group, option)
    assert isinstance(one, KINDS[group])
    assert one == other
    assert one is not other


@every
def test_it_travels_to_another_process(group: str, option: str) -> None:
    one = component(group, option)
    assert pickle.loads(pickle.dumps(one)) == one


@every
def test_it_is_frozen(group: str, option: str) -> None:
    one = component(group, option)
    assert is_dataclass(one)
    for name in [field.name for field in fields(one)] or ["anything"]:
        with pytest.raises((FrozenInstanceError, TypeError)):
            setattr(one, name, None)


@every
def test_its_settings_have_a_digest_that_holds_its_class(group: str, option: str) -> None:
    one = component(group, option)
    settings = settings_of(one)
    assert digest_of_json(settings) == digest_of_json(settings_of(component(group, option)))
    assert settings["class"] == f"{type(one).__module__}.{type(one).__qualname__}"
    assert settings.keys() == {
        "class",
        *(field.name for field in fields(one) if not field.metadata.get("how")),
    }
