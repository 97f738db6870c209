"""How the demo talks: numbered steps, aligned lines, check marks, colours on a terminal only."""

import os
import sys

from world import Failed

COLOURS = {"bold": "1", "dim": "2", "green": "32", "red": "31"}
PAINT = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
LABEL = 26


def paint(text, colour):
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if PAINT else text


def tell(text=""):
    print(text, flush=True)


class Story:
    """One numbered step after another; a claim that does not hold ends it."""

    def __init__(self, title):
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")  # a terminal without check marks is no reason to fail
        self.number = 0
        tell(paint(title, "bold"))

    def step(self, text):
        self.number += 1
        tell(f"\n{paint(f'{self.number:>2}  {text}', 'bold')}")

    def did(self, text):
        tell(f"    {paint('$', 'dim')} {paint(text, 'dim')}")

    def fact(self, label, value):
        first, *more = str(value).splitlines() or [""]
        tell(f"      {label:<{LABEL}} {first}")
        for line in more:
            tell(f"      {'':<{LABEL}} {line}")

    def holds(self, claim, true, otherwise=""):
        """Says that a claim holds, or fails with what was seen instead."""
        if not true:
            raise Failed(f"{claim}: not so. {otherwise}".strip())
        tell(f"    {paint('✓', 'green')} {claim}")

    def calls(self, calls):
        """How many calls the step took, and which of them wrote."""
        def names(operations):
            return ", ".join(f"{name}{f' ×{count}' if count > 1 else ''}" for name, count in operations.items())
        writes = calls.operations(writes=True)
        self.fact("AWS calls", f"{calls}{': ' + names(writes) if writes else ''}")
        refused = {f"{operation} {code}": n for (_, operation, code), n in calls.items() if code != "OK" and operation in writes}
        if refused:
            self.fact("  of these not OK", names(refused))
