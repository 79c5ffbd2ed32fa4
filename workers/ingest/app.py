"""The FastAPI application: which route calls which handler."""

from collections.abc import Callable, Mapping

from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry
from starlette.responses import Response

from workers.http.serving import application

from . import openapi
from .events import IngestServices, post_events
from .systems import System
from .webhooks import WebhookHandler


def ingest_app(
    services: IngestServices, systems: Mapping[str, System], registry: CollectorRegistry, unready: Callable[[], str]
) -> FastAPI:
    """Build the application of `leadloop ingest`.

    Args:
        services: What all routes share.
        systems: The systems of the webhooks file, by name.
        registry: Where the metrics are registered, and what /metrics shows.
        unready: Says what is missing, for /readyz; empty when ready.
    """
    app = application("leadloop ingest", "Receives events about leads.", registry, unready)
    webhooks = WebhookHandler(services, systems)

    async def events(request: Request) -> Response:
        """Post facts about leads: one or several, as plain JSON or as CloudEvents 1.0."""
        return await post_events(services, request)

    async def webhook(system: str, request: Request) -> Response:
        """Post the webhooks of a system in its own dialect. The webhooks file defines the systems."""
        return await webhooks.post(system, request)

    app.add_api_route(
        "/v1/events",
        events,
        methods=["POST"],
        status_code=202,
        response_class=Response,
        responses=openapi.events_responses(),
        openapi_extra=openapi.events_operation(),
    )
    app.add_api_route(
        "/v1/webhooks/{system}",
        webhook,
        methods=["POST"],
        status_code=202,
        response_class=Response,
        responses=openapi.webhooks_responses(),
        openapi_extra=openapi.webhooks_operation(),
    )
    openapi.document(app, systems)
    return app
