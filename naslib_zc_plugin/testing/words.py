"""A search space that strategies can be tried on in microseconds: words, of which a change replaces one letter."""

from __future__ import annotations

from random import Random


class Words:
    """All words of a length, with the methods that strategies need of a search space.

    Args:
        letters: those that there are.
        length: of each word.

    Attributes:
        size: number of words.
        calls: how often its methods were called.
    """

    def __init__(self, letters: str = "abc", length: int = 4) -> None:
        self.letters, self.length = letters, length
        self.size = len(letters) ** length
        self.calls = 0

    def sample(self, rng: Random) -> str:
        """A word, all equally likely."""
        self.calls += 1
        return "".join(rng.choice(self.letters) for _ in range(self.length))

    def mutate(self, key: str, rng: Random, rule: str = "edge") -> str:
        """Another letter in one place: any (``"edge"``), or one in the front half or the rear (``"node"``)."""
        self._check(key)
        if rule == "edge":
            place = rng.randrange(self.length)
        elif rule == "node":
            middle = self.length // 2
            place = rng.choice(rng.choice([range(middle), range(middle, self.length)]))
        else:
            raise ValueError(f"unknown mutation rule {rule!r}; use 'edge' or 'node'")
        return key[:place] + rng.choice(self.letters.replace(key[place], "")) + key[place + 1 :]

    def neighbours(self, key: str) -> list[str]:
        """All words with one other letter, by place and then by letter."""
        self._check(key)
        return [
            key[:place] + letter + key[place + 1 :]
            for place in range(self.length)
            for letter in self.letters
            if letter != key[place]
        ]

    def _check(self, key: str) -> None:
        self.calls += 1
        if len(key) != self.length or not set(key) <= set(self.letters):
            raise ValueError(f"{key!r} is no word of {self.length} of the letters {self.letters}")
