"""Opens the schema registry of the settings, or the bundled catalogue where none is set.

The registry's client is an optional dependency and takes longer to load than the rest of a process: it is loaded
here, and only when a registry is used.
"""

from .catalogue import RECORDS, Catalogue
from .registry import RegistryConf, RegistryUnavailable, SchemaRegistry


def connect_registry(conf: RegistryConf, prefix: str = "") -> SchemaRegistry:
    """Open a registry that speaks the Confluent API. Nothing is sent yet.

    Args:
        conf: Where it is.
        prefix: Of the physical topics, and so of the registry's subjects.

    Raises:
        RegistryUnavailable: the client is not installed.
    """
    try:
        from .confluent import ConfluentRegistry  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise RegistryUnavailable(
            f"a schema registry needs the package {missing.name}: install leadloop[registry]"
        ) from missing
    return ConfluentRegistry(conf, prefix)


def open_catalogue(conf: RegistryConf | None, prefix: str = "") -> Catalogue:
    """The schemas and ids to read and write records with: of the registry, or the bundled ones if `conf` is None.

    Raises:
        RegistryUnavailable: the registry does not answer, or refuses the request.
        NotRegistered: the registry lacks one of our schemas; run `leadloop schemas push`.
    """
    if conf is None:
        return Catalogue.bundled()
    registry = connect_registry(conf, prefix)
    return Catalogue({record: registry.id_of(record) for record in RECORDS}, registry.schema_of_id)
