"""A verifier that does what the answer says: hostile work, without waiting for a real one.

Its processes import this module, so that it imports little.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from advdistill.answers import AnswerFormat, AnswerStyle
from advdistill.interfaces import Costly
from advdistill.records import AnswerKind, Finish, Prompt, Response, Reward, Split, Verdict
from advdistill.verdicts import reward, with_total

ANSWER_FORMAT = AnswerFormat(style=AnswerStyle.hash, instruction="", system=None, thinking=None)
MEGABYTES = 64
"""What work may take."""
Pair = tuple[Prompt, Response]


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """Judges `quick right`, `costly die` and the like: where to act, then the act."""

    seconds: float = 0.5

    def judge(
        self, prompt: Prompt, response: Response, *, answer_format: AnswerFormat
    ) -> list[Reward] | Costly:
        """Return what the act gives, or the act as work."""
        if response.text.startswith("quick"):
            return _work(response)
        return Costly(
            work=partial(_work, response),
            killed=partial(_killed, response),
            seconds=self.seconds,
            megabytes=MEGABYTES,
        )


def pairs(texts: Sequence[str]) -> list[Pair]:
    """Return the texts as answers to one prompt, numbered."""
    prompt = Prompt(
        prompt_id="h/train/0", split=Split.train, question="?", answer="2", kind=AnswerKind.number
    )
    return [
        (
            prompt,
            Response(
                prompt_id=prompt.prompt_id,
                sample=number,
                text=text,
                tokens=None,
                finish=Finish.stop,
                teacher="hostile",
            ),
        )
        for number, text in enumerate(texts)
    ]


def _work(response: Response) -> list[Reward]:
    _, act, *arguments = response.text.split()
    verdict = Verdict.passed if ACTS[act](*arguments) else Verdict.failed
    return with_total(reward(response, "hostile", verdict, answer=act))


def _killed(response: Response, verdict: Verdict, detail: str) -> list[Reward]:
    return with_total(reward(response, "hostile", verdict, detail=detail))


def _right(*_: str) -> bool:
    return True


def _wrong() -> bool:
    return False


def _power() -> bool:
    return bool(9**9**9)


def _loop() -> bool:
    while True:
        pass


def _sleep() -> bool:
    time.sleep(100)
    return True


def _doze() -> bool:
    time.sleep(0.3)
    return True


def _stubborn() -> bool:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return _loop()


def _greedy() -> bool:
    return not bytearray((MEGABYTES + 1) * 2**20)


def _frugal() -> bool:
    return bool(bytearray(MEGABYTES // 2 * 2**20))


def _die() -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return True


def _crash() -> bool:
    return bool(ctypes.string_at(0))


def _leave() -> bool:
    sys.exit(3)


def _vanish() -> bool:
    os._exit(3)


def _recurse() -> bool:
    return _recurse()


class AwkwardError(Exception):
    """Pickles, but does not unpickle."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def _awkward() -> bool:
    raise AwkwardError("half a pair: \ud800", "b")


def _divide() -> bool:
    return bool(1 / 0)


def _late() -> bool:
    raise TimeoutError("not of the deadline")


def _mark(path: str) -> bool:
    with Path(path).open("a") as marks:
        marks.write("done\n")
    return True


def _chatter() -> bool:
    print("to standard output")
    print("to standard error", file=sys.stderr)
    return True


_ALL = (_right, _wrong, _power, _loop, _sleep, _greedy, _frugal, _die, _crash, _leave, _vanish)
_MORE = (_recurse, _awkward, _divide, _late, _mark, _chatter, _doze, _stubborn)
ACTS: dict[str, Callable[..., bool]] = {act.__name__[1:]: act for act in (*_ALL, *_MORE)}
