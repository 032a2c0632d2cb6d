"""The instances of a play: one that plays all legs, or each its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deploy.play.api import Api
from deploy.play.script import Script, ScriptError


@dataclass(frozen=True)
class Instances:
    """The ways to the instances, by the names that the cycle file has for its partners."""

    by_name: Mapping[str, Api]

    @staticmethod
    def alone(api: Api) -> Instances:
        """One instance that plays every leg, whatever the cycle file calls it."""
        return Instances({"": api})

    @property
    def first(self) -> Api:
        """The one that is asked what all of them know."""
        return next(iter(self.by_name.values()))

    def __iter__(self) -> Iterator[Api]:
        return iter(self.by_name.values())

    def of(self, script: Script, marathon: str) -> Api:
        """The instance that operates a marathon."""
        if "" in self.by_name:
            return self.first
        return self.by_name[script.operators[marathon]]

    def others(self, api: Api) -> tuple[Api, ...]:
        """All but one."""
        return tuple(each for each in self if each is not api)

    def check(self, script: Script) -> None:
        """Raises :class:`ScriptError` where a leg is operated by none of them."""
        if "" in self.by_name:
            return
        for marathon, operator in script.operators.items():
            if operator not in self.by_name:
                raise ScriptError(
                    f"{marathon} is operated by {operator}: name its instance with"
                    f" --instance {operator}=URL,TOKEN"
                )

    def states(self, script: Script) -> dict[str, str]:
        """The state of the cycle as each instance knows it."""
        path = f"/cycles/{script.cycle}"
        return {name: str(api.get(path)["state"]) for name, api in self.by_name.items()}
