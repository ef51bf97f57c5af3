"""The city's own sign-in: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636).

What the issuer says of itself and its keys are asked for at the first sign-in and kept for ten
minutes; every request goes through the guarded client.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from service.logs import get_logger
from service.outbound import GuardedSession, GuardPolicy
from service.settings import Settings

log = get_logger(__name__)

KEPT_S = 600.0
TIMEOUT_S = 10.0
LEEWAY_S = 60  # that the clocks may be apart
ALGORITHMS = ("RS256", "PS256", "ES256")  # never `none`, never one with a shared key
SCOPE = "openid email profile"


class OidcError(Exception):
    """The issuer cannot be asked, or its answer cannot be believed. The text is for the log."""


@dataclass
class Provider:
    """One issuer, as the settings name it."""

    settings: Settings
    _metadata: dict[str, Any] = field(default_factory=dict)
    _keys: KeySet | None = None
    _until: float = 0.0

    def address(
        self, redirect: str, state: str, nonce: str, verifier: str, *, again: bool = False
    ) -> str:
        """Where the browser signs in; `again`: with password and all, whatever it remembers.

        Raises:
            OidcError: the issuer does not say.
        """
        more = {"prompt": "login", "max_age": "0"} if again else {}
        address: str = prepare_grant_uri(
            self._endpoint("authorization_endpoint"),
            self.settings.oidc_client_id,
            "code",
            redirect_uri=redirect,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **more,
        )
        return address

    def claims(self, code: str, redirect: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        """What the ID token says that this code is worth (Core, section 3.1.3.7).

        Raises:
            OidcError: it cannot be had, or a signature, a time, a name in it is wrong.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        answer = self._ask("POST", self._endpoint("token_endpoint"), form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise OidcError("the answer holds no ID token")
        return self._checked(token, nonce)

    def _checked(self, token: str, nonce: str) -> Mapping[str, Any]:
        try:
            read = self._read(token)
            claims = CodeIDToken(
                read.claims,
                read.header,
                options={
                    "iss": {"essential": True, "value": self._metadata["issuer"]},
                    "sub": {"essential": True},
                    "aud": {"essential": True, "value": self.settings.oidc_client_id},
                    "exp": {"essential": True},
                    "nonce": {"essential": True, "value": nonce},
                },
                params={"nonce": nonce, "client_id": self.settings.oidc_client_id},
            )
            claims.validate(now=int(time.time()), leeway=LEEWAY_S)
        except OidcError:
            raise
        except Exception as error:  # each of two libraries has errors of its own
            raise OidcError(f"the ID token is refused: {type(error).__name__}: {error}") from error
        return dict(claims)

    def _read(self, token: str) -> jwt.Token:
        """Check the signature; with keys asked for anew where the issuer has changed them."""
        self._endpoint("jwks_uri")
        assert self._keys is not None
        try:
            return jwt.decode(token, self._keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            self._until = 0.0
            self._endpoint("jwks_uri")
            return jwt.decode(token, self._keys, algorithms=list(ALGORITHMS))

    def _endpoint(self, name: str) -> str:
        if time.monotonic() > self._until:
            self._discover()
        return str(self._metadata[name])

    def _discover(self) -> None:
        """Discovery 1.0, section 4: the issuer must call itself what we call it."""
        issuer = self.settings.oidc_issuer.rstrip("/")
        found = self._ask("GET", f"{issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != issuer:
            raise OidcError("the issuer calls itself by another name")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not self._may_be_asked(str(found.get(name, ""))):
                raise OidcError(f"its {name} is no https address")
        try:
            keys = KeySet.import_key_set(self._ask("GET", str(found["jwks_uri"])))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise OidcError("its keys cannot be read") from error
        self._metadata, self._keys = found, keys
        self._until = time.monotonic() + KEPT_S

    def _may_be_asked(self, address: str) -> bool:
        parts = urlsplit(address)
        internal = {one.lower() for one in self.settings.allow_private_hosts}
        return bool(parts.hostname) and (parts.scheme == "https" or parts.hostname in internal)

    def _ask(self, method: str, address: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        """One JSON object from the issuer; with our secret where a form is sent."""
        settings = self.settings
        names = (urlsplit(settings.oidc_issuer).hostname or "", *settings.allow_private_hosts)
        secret = settings.oidc_client_secret.get_secret_value()
        login = (quote(settings.oidc_client_id, safe=""), quote(secret, safe=""))
        try:
            with GuardedSession(GuardPolicy(names), lambda _exchange: None) as session:
                answer = session.request(
                    method,
                    address,
                    data=form,
                    auth=login if form else None,  # RFC 6749, section 2.3.1
                    headers={"Accept": "application/json"},
                    timeout=TIMEOUT_S,
                )
            found = answer.json() if answer.status_code == 200 else None
        except (requests.RequestException, ValueError, OSError) as error:
            raise OidcError(f"the issuer cannot be asked: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise OidcError(f"the issuer answered {answer.status_code} to {method}")
        return found
