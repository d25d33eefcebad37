"""What was measured, asked for by contender, phase and setting."""

from statistics import mode

from .phases import Setting, settings


def median(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


class Figures:
    """The results of one measurement."""

    def __init__(self, results):
        self._samples = results["samples"]
        self.missing = results["missing"]
        keys = {sample["setting"] for sample in self._samples}
        latencies = sorted(int(key) for key in keys if key != "aws")
        self._settings = {setting.key: setting for setting in settings(latencies, "aws" in keys)}
        # Titles of the settings by key.
        self.settings = {key: setting.title for key, setting in self._settings.items()}
        self.latencies = latencies

    def took_part(self, contender):
        return any(sample["contender"] == contender for sample in self._samples)

    def values(self, contender, phase, name, setting=None):
        """Every value that was measured; under any added latency if no setting is named."""
        fits = lambda of: of == setting if setting else of != "aws"
        return [s["phases"][phase][name] for s in self._samples if s["contender"] == contender and fits(s["setting"])]

    def about(self, contender, phase):
        """Calls, chain, processor time and memory, as texts; if AWS's limits were kept, calls there and how many of them were throttled, too.

        Calls are those of most runs; under AWS's delays, where waits ask again and again, each number is a median of its own. The chain is
        the shortest that was seen: answers that take longer than the latency make calls look dependent that are not, and nothing makes
        them look independent.
        """
        of = lambda name: self.values(contender, phase, name)
        throttled = [sum(limits.values()) for limits in self.values(contender, phase, "throttles", "aws")]
        last = [f"{median(throttled):g}" if throttled else ""] if "aws" in self.settings else []
        there = [self._calls_there(contender, phase)] if "aws" in self.settings else []
        if not of("calls"):
            return ["", *there, "", "", "", *last]
        reads, writes = mode(zip(of("reads"), of("writes")))
        calls = f"{reads + writes} ({reads} + {writes})"
        return [calls, *there, str(min(of("rounds"))), f"{1000 * median(of('cpu')):.0f} ms", f"{median(of('memory')) / 2**20:.0f} MB", *last]

    def _calls_there(self, contender, phase):
        """Reads and writes under AWS's limits and delays, and how many of them failed."""
        found = [self.values(contender, phase, name, "aws") for name in ("reads", "writes", "failed")]
        return "{:.0f} + {:.0f} ({:.0f})".format(*map(median, found)) if found[0] else ""

    def floor(self, phase, key):
        """Seconds that no program can do it in: the shortest chain, each call of it with the latency, and what AWS delays."""
        setting: Setting = self._settings[key]
        delay = phase.shortest_delay if key == "aws" else 0.0
        return phase.shortest_chain * setting.latency / 1000 + delay
