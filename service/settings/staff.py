"""Staff: their roles, and how they sign in."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from service.settings.security import Security

STAFF_ROLES = (
    *("viewer", "reviewer", "editor", "channel-manager", "privacy-officer", "administrator"),
)


class SignIn(Security):
    """Passwords with a second factor, or the city's own sign-in (OpenID Connect)."""

    staff_second_factor: Literal["required", "optional"] = Field(
        "required",
        description="Whether staff with a password must have a second factor, a code of an app, or "
        "may have one (optional). Who has none is led to set one up at the next sign-in.",
    )
    oidc_issuer: str = Field(
        "",
        description="Issuer of the city's own sign-in (OpenID Connect), https://…; staff then sign "
        "in there, and passwords are for the break-glass account alone. Empty: passwords.",
    )
    oidc_client_id: str = Field("", description="Name under which the issuer knows Tellal.")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="Secret that the issuer gave with that name."
    )
    oidc_group_claim: str = Field(
        "groups", description="Claim of the ID token that lists somebody's groups."
    )
    oidc_roles: Annotated[tuple[tuple[str, str], ...], NoDecode] = Field(
        (),
        description="Which group gives which role, joined by semicolons: "
        "press-office=editor;it=administrator. Who is in none of them is refused.",
    )

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _group_roles(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        # A group may be a distinguished name, with commas and equals signs of its own.
        pairs = [part.rpartition("=") for part in value.split(";") if part.strip()]
        found = tuple((group.strip(), role.strip()) for group, _, role in pairs)
        if not all(group and role for group, role in found):
            raise ValueError("write group=role pairs joined by semicolons, as in press=editor")
        return found

    @model_validator(mode="after")
    def _knows_its_issuer(self) -> Self:
        """The city's sign-in needs all of its settings or none."""
        if not self.oidc_issuer:
            return self
        if not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError("TELLAL_OIDC_ISSUER needs TELLAL_OIDC_CLIENT_ID and …_CLIENT_SECRET")
        parts = urlsplit(self.oidc_issuer)
        is_internal = (parts.hostname or "") in {one.lower() for one in self.allow_private_hosts}
        if not parts.hostname or (parts.scheme != "https" and not is_internal):
            raise ValueError("TELLAL_OIDC_ISSUER must be an https address")
        wrong = [role for _, role in self.oidc_roles if role not in STAFF_ROLES]
        if wrong or not self.oidc_roles:
            raise ValueError(f"TELLAL_OIDC_ROLES maps groups to these: {', '.join(STAFF_ROLES)}")
        return self
