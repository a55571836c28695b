"""What goes over the wire, and what is refused in Discord's own words."""

from typing import Any

from simcord.backend.errors import BackendError

#: simcord's payloads are plain dictionaries.
JsonObject = dict[str, Any]

#: Paths of the REST API begin with this.
API_PREFIX = "/api/v10"


class ApiError(BackendError):
    """Raised for a request that is refused: an HTTP status and Discord's JSON error code."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        headers: dict[str, str] | None = None,
        **body: Any,
    ) -> None:
        super().__init__(status, code, message)
        self.headers = headers or {}
        self.body = body

    def to_json(self) -> JsonObject:
        """The body of the answer."""
        return {**super().to_json(), **self.body}


def bad_form(field: str, text: str) -> BackendError:
    """400 with the code of an invalid form, 50035, and the field that is wrong."""
    detail: JsonObject = {"_errors": [{"code": "BASE_TYPE_BAD_VALUE", "message": text}]}
    for name in reversed(field.split(".")):
        detail = {name: detail}
    return BackendError(400, 50035, "Invalid Form Body", errors=detail)


def not_found() -> ApiError:
    """What an address that does not exist answers."""
    return ApiError(404, 0, "404: Not Found")


def unauthorized() -> ApiError:
    """What a wrong token answers."""
    return ApiError(401, 0, "401: Unauthorized")


def rate_limited(seconds: float, scope: str = "user", *, via: bool = True) -> ApiError:
    """429. Without `via` it looks like Cloudflare's, which libraries do not wait for.

    Source: discord-api-docs, "Rate Limits"; the Via header is what discord.py looks for.
    """
    headers = {"Retry-After": f"{seconds:g}", "X-RateLimit-Scope": scope}
    if scope == "global":
        headers["X-RateLimit-Global"] = "true"
    if via:
        headers["Via"] = "1.1 google"
    return ApiError(
        429,
        0,
        "You are being rate limited.",
        headers=headers,
        retry_after=seconds,
        **{"global": scope == "global"},
    )
