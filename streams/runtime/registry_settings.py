"""The settings of a schema registry."""

from schemas.registry import RegistryConf

from .environment import Environment


def registry_settings(env: Environment) -> RegistryConf | None:
    """How to reach it; None: the bundled schemas and ids."""
    url = env.text("SCHEMA_REGISTRY_URL")
    ca_location = env.path("SCHEMA_REGISTRY_SSL_CA_LOCATION") or None
    user_info = env.secret("SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO") or None
    if url and not url.startswith(("http://", "https://")):
        env.add_error(f"SCHEMA_REGISTRY_URL={url} is no http:// or https:// address")
    return RegistryConf(url=url, basic_auth_user_info=user_info, ssl_ca_location=ca_location) if url else None
