import signal

import pytest

from advdistill.cli.main import VERBS, main


@pytest.fixture(autouse=True)
def _keep_the_handler():
    kept = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, kept)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_names_every_verb(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    said = capsys.readouterr().out
    for verb in VERBS:
        assert f"\n  {verb} " in said
        assert f"\n  advdistill {verb} " in said
    assert max(map(len, said.splitlines())) <= 100


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert f"examples:\n  advdistill {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["jugde"], ["unknown verb 'jugde'", "did you mean 'judge'?", "validate"]),
        (["x"], ["unknown verb 'x'", "known: judge, validate"]),
        (["judge", "verifier=number"], ["found 0 files", "wanted one"]),
        (["judge", "a.jsonl", "b.jsonl"], ["found 2 files", "a.jsonl, b.jsonl"]),
        (["judge", "nowhere.jsonl"], ["DataError: nowhere.jsonl cannot be read"]),
        (["judge", "no\x1b[31mwhere"], [r"no\x1b[31mwhere"]),
        (["judge", "verifier=nubmer", "-"], ["ConfigError", "verifier/nubmer"]),
        (["judge", "verifier.relative_tolerance=2", "-"], ["relative_tolerance is 2.0"]),
        (["judge", "+verifier.size=2", "-"], ["verifier.size: unknown setting"]),
        (["judge", "-", "-o", "/no/such/folder/x"], ["cannot be written"]),
        (["audit", "nowhere"], ["nowhere is no finished run", "outputs/runs"]),
        (["audit"], ["required"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_slip_is_one_message(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr()
    assert code in (1, 2)
    for word in words:
        assert word in said.err
    if code == 1:
        assert said.err.count("\n") == 1
    assert said.out == ""
