"""The names of consumer groups and Redis keys: data that a deployment depends on, like topic names.

Changing one loses the committed offsets, or the read model, that were stored under the old name. The groups of an
application follow three different rules, for historical reasons:

- `streams`  the app id alone: Faust names its group by the app's id.
- `project`  "<app id>-project": without the topic prefix.
- `deliver`  "<topic prefix><app id>-deliver".

So two deployments on one Kafka that differ only in their topic prefix share the groups of streams and project: give
each its own LEADLOOP_APP_ID as well.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from uuid import uuid4

_CLIENT = "leadloop-"

ENDPOINT_STATES_GROUP = "leadloop-endpoint-states"
"""Of a consumer that assigns its partitions itself: never joined, nothing is committed."""
DELIVER_RECOVERY_GROUP = "leadloop-deliver-recovery"
"""The same, for reading back what deliver wrote."""
DEMO_VIEW_GROUP = "leadloop-demo-view"
"""The same, for the live view of the demo."""


def streams_group(app_id: str) -> str:
    """The consumer group of streams workers."""
    return app_id


def project_group(app_id: str) -> str:
    """The consumer group of project workers."""
    return f"{app_id}-project"


def deliver_group(app_id: str, prefix: str) -> str:
    """The consumer group of deliver workers. `prefix`: of the topics."""
    return f"{prefix}{app_id}-deliver"


def lookup_group() -> str:
    """A new group name for a command that reads topics once; never joined. deploy/acls.yml allows its prefix."""
    return f"leadloop-reading-{uuid4().hex}"


def read_model_key(app_id: str) -> str:
    """What every Redis key of the read model begins with; workers/read_model/redis_keys.py lists them."""
    return f"leadloop:{app_id}:"


def page_session_key(app_id: str, session_id: str) -> str:
    """The Redis key that exists while a session of the web page lasts."""
    return f"leadloop:{app_id}:page-session:{session_id}"


def delivery_limits_key(app_id: str, prefix: str) -> str:
    """What every Redis key of the shared rate limits begins with. `prefix`: of the topics."""
    return f"{prefix}{app_id}:limits"


@cache
def version_here() -> str:
    """The version of Leadloop that this process runs."""
    try:
        return version("leadloop")
    except PackageNotFoundError:  # a tree that was never installed
        return "unknown"


def client_id(process: str) -> str:
    """The client id of a member of a group: Kafka shows it, and `leadloop doctor` reads the version in it."""
    return f"{_CLIENT}{process}-{version_here()}"


def version_of(client: str) -> str:
    """The version in the client id of a member; "unknown" for one that this module did not name."""
    name = client.removeprefix(_CLIENT)
    return "unknown" if name == client or "-" not in name else name.partition("-")[2]
