"""A comparison built by hand."""

from advdistill.compare.claims import (
    CellScore,
    Comparison,
    EffectSize,
    Finding,
    Interval,
    Looks,
    Margin,
    MarginSource,
    Method,
    Refusal,
    Tested,
    WeightingClaim,
)

ACCURACY = {("softmax", 0): 70.0, ("softmax", 1): 60.0, ("uniform", 0): 50.0, ("uniform", 1): 40.0}
"""Points by arm and seed."""


def comparison() -> Comparison:
    """Return what two arms of two seeds allow to be said."""
    sentence = "softmax beats uniform by 20.0 points [18.0, 22.0]."
    return Comparison(
        title="grid",
        factor="weighting",
        baseline="uniform",
        margin=Margin(points=1.0, source=MarginSource.default),
        level=0.05,
        cells=tuple(_cell(arm, seed, value) for (arm, seed), value in ACCURACY.items()),
        checkpoints=(),
        weightings=(_claim(sentence),),
        effects=(),
        refusals=(Refusal(first="a", second="b", reason="other items", kind="items"),),
        notes=("One pool.",),
        sentences=(sentence,),
        looks=(Looks(task="grid", items_digest="0" * 64, looks=2, checkpoints=4, margins=(1.0,)),),
    )


def _cell(arm: str, seed: int, value: float) -> CellScore:
    return CellScore(
        run=f"runs/grid/{arm}-{seed}",
        arm=arm,
        levels={"weighting": arm},
        seed=seed,
        control=False,
        role="student",
        task="grid",
        metric="accuracy",
        value=value,
        stderr=10.0,
        items=10,
    )


def _claim(sentence: str) -> WeightingClaim:
    return WeightingClaim(
        task="grid",
        metric="accuracy",
        factor="weighting",
        first="softmax",
        second="uniform",
        against_control=False,
        context={},
        seeds=(0, 1),
        differences=(20.0, 20.0),
        items=10,
        estimate=20.0,
        these_items=None,
        like_items=Tested(
            standard_error=0.5,
            interval=Interval(low=18.0, high=22.0, level=0.95),
            p_value=0.01,
            p_holm=0.01,
            p_tost=1.0,
            p_tost_holm=1.0,
            finding=Finding.better,
            method=Method.crossed_t,
        ),
        p_sign_flip=None,
        effect=EffectSize(points=20.0, cohen_h=0.4, d_z=None),
        sentence=sentence,
    )
