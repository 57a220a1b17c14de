"""Writes the problems of a reasoning-gym task to stdout without end; run in a process of its own.

Tasks may print, keep state from one problem to the next and draw by the size they are told:
blocks of one size, each read once and in order, are the same in every run.
"""

import json
import random
import sys
from contextlib import redirect_stdout
from difflib import get_close_matches
from hashlib import sha256
from itertools import count

import reasoning_gym
from reasoning_gym.composite import DatasetSpec
from reasoning_gym.factory import DATASETS

BLOCK = 100


def main(wanted: str) -> None:
    """Write the problems that the JSON object asks for, one a line."""
    given = json.loads(wanted)
    if given["task"] not in DATASETS:
        near = get_close_matches(given["task"], list(DATASETS), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(DATASETS))}"
        sys.exit(f"no such task; {hint}")
    config = given["config"]
    if given["task"] == "composite":  # several tasks, each with a name, a weight and settings
        config = {"datasets": [DatasetSpec(**part) for part in config.get("datasets", [])]}
    out = sys.stdout
    with redirect_stdout(sys.stderr):
        for block in count():
            digest = sha256(f"{given['seed']}\x1f{given['split']}\x1f{block}".encode()).digest()
            seed = int.from_bytes(digest[:4], "big") >> 1
            random.seed(seed)
            problems = reasoning_gym.create_dataset(given["task"], seed=seed, size=BLOCK, **config)
            for number in range(BLOCK):
                print(json.dumps(problems[number]), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
