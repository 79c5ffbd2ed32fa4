"""Makes the responses of the views."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from streams.runtime.page_settings import PageSettings
from workers.report.actions import Actions
from workers.report.policy_in_use import PolicyInUse
from workers.report.queries import ReadModel

from .frame import Shown, document
from .page_source import Source


class Pages:
    """Makes the responses of the views.

    Args:
        model: The read model.
        policy: What explanations go by.
        settings: Of the page.
        actions: What operators can do; None: nothing, without Kafka.
    """

    def __init__(self, model: ReadModel, policy: PolicyInUse, settings: PageSettings, actions: Actions | None) -> None:
        self.model = model
        self._policy = policy
        self._settings = settings
        self.actions = actions

    def source(self, request: Request | None = None) -> Source:
        """What one request reads; with the request also who sent it."""
        source = Source.now(self.model, self._policy, self._settings.crm_link)
        return source if request is None else replace(source, actions=self.actions, reader=request.state.reader)

    async def response(self, request: Request, source: Source, shown: Shown) -> Response:
        """A view in the frame, with how old its figures are, and who reads it."""
        revision, as_of = await self.model.revision()
        page = document(shown, source.clock, as_of, request.state.reader, revision, self._settings.grafana)
        return HTMLResponse(str(page), shown.status, shown.headers)
