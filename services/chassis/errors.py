"""Errors that are part of the contract: a name, a stable code, a French sentence, a hint."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request that the rules refuse; nothing of it is stored.

    ``code`` is stable and machine readable, ``message`` a French sentence for the person,
    ``hint`` what to do about it, ``status`` the HTTP status of RFC 9457's problem.
    """

    def __init__(
        self, code: str, message: str, hint: str = "", status: int = 409, **details: Any
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.hint = hint
        self.status = status
        self.details = details

    def to_problem(self) -> dict[str, Any]:
        """The refusal as JSON-able parts, as it travels from a service to the gateway."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "status": self.status,
            "details": self.details,
        }

    @staticmethod
    def from_problem(problem: dict[str, Any]) -> Refusal:
        """The refusal that :meth:`to_problem` described."""
        return Refusal(
            problem["code"],
            problem["message"],
            problem.get("hint", ""),
            problem.get("status", 409),
            **problem.get("details", {}),
        )


class NotFound(Refusal):
    """What was named does not exist, or may not be known to exist."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(
            f"{what}_not_found",
            "Ce que vous cherchez n’existe pas ou plus.",
            "Vérifiez l’adresse.",
            404,
            what=what,
            id=name,
        )


class Forbidden(Refusal):
    """The actor may not do this."""

    def __init__(self, message: str = "Vous n’avez pas le droit de faire cela.") -> None:
        super().__init__(
            "forbidden", message, "Connectez-vous avec un compte qui en a le droit.", 403
        )


class Invalid(Refusal):
    """A value that can't be understood or is out of bounds."""

    def __init__(self, code: str, message: str, hint: str = "", **details: Any) -> None:
        super().__init__(code, message, hint, 422, **details)


class Unavailable(Refusal):
    """Something this answer needs is away; the request was not carried out, or not knowably."""

    def __init__(self, service: str, message: str = "") -> None:
        super().__init__(
            "unavailable",
            message or f"Le service « {service} » ne répond pas pour le moment.",
            "Réessayez dans quelques secondes.",
            503,
            service=service,
        )
        self.service = service
