"""The simulation from its arguments to its table."""

from __future__ import annotations

import argparse

from aigw.snapshot import STRATEGIES

from .simulation import Keys, Outcome, ideal, simulate
from .traffic import Traffic

# Of the single key's share of warm turns, what affinity has to reach.
ENOUGH = 0.95


def main(arguments: list[str] | None = None) -> int:
    """Print what each strategy makes of the caches; 1 when affinity does not keep them warm."""
    usual = Traffic()
    parser = argparse.ArgumentParser(
        prog="scripts/affinity", description="What each strategy makes of the providers' prompt caches."
    )
    parser.add_argument("--keys", type=int, default=8, help="provider keys, each with a cache of its own (8)")
    parser.add_argument(
        "--conversations", type=int, default=usual.conversations, help=f"in all ({usual.conversations})"
    )
    parser.add_argument("--under-way", type=int, default=usual.under_way, help=f"at a time ({usual.under_way})")
    parser.add_argument("--seed", type=int, default=usual.seed, help=f"what is random follows from it ({usual.seed})")
    options = parser.parse_args(arguments)
    traffic = Traffic(options.conversations, under_way=options.under_way, seed=options.seed)
    best = ideal(traffic)
    print(f"{best.requests:,} requests of {options.conversations:,} conversations over {options.keys} keys\n")
    print(f"{'':<16}{'warm turns':>12}{'of ideal':>10}{'cached tokens':>15}{'busiest/mean':>14}")
    print(_line("one key, ideal", best, best))
    reached = 0.0
    for strategy in STRATEGIES:
        outcome = simulate(traffic, Keys(range(options.keys), strategy))
        if strategy == "cache_affinity":
            reached = outcome.warm_turns / best.warm_turns
        print(_line(strategy, outcome, best))
    return 0 if reached >= ENOUGH else 1


def _line(name: str, outcome: Outcome, best: Outcome) -> str:
    shares = f"{outcome.warm_turns:>11.1%} {outcome.warm_turns / best.warm_turns:>9.1%} {outcome.cached_tokens:>14.1%} "
    return f"{name:<16}{shares}{outcome.unevenness:>13.2f}"
