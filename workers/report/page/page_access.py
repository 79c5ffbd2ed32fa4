"""Who reads the page: whom the proxy names, otherwise whose session it is."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from streams.runtime.page_settings import PageSettings
from workers.http.problems import Problem
from workers.report.access.form_tokens import FormTokens
from workers.report.access.proxy import ProxyIdentity
from workers.report.access.reader import Groups, PageReader

from .sessions import Sessions


class PageAccess:
    """Decides for each request who sends it.

    Attributes:
        settings: Of the page.
        sessions: Of readers who signed in.
        tokens: Of forms.
        groups: What groups permit.
    """

    def __init__(self, settings: PageSettings, sessions: Sessions) -> None:
        self.settings = settings
        self.sessions = sessions
        self.tokens = FormTokens(settings.secret)
        self.groups = Groups(settings.viewer_groups, settings.operator_groups)
        self._proxy = ProxyIdentity(settings.proxy, self.groups) if settings.proxy else None

    async def reader(self, connection: HTTPConnection) -> PageReader | None:
        """Who sends a request; None if nobody is signed in.

        Raises:
            Problem: 403, they are known and may not see the page.
            ReadModelUnavailable: Redis does not answer.
        """
        named = self._proxy.reader(connection) if self._proxy else None
        return named or await self.sessions.of(connection)

    def require_same_site(self, connection: HTTPConnection) -> None:
        """Refuse a request that another site may have caused.

        Raises:
            Problem: 403.
        """
        site, origin = connection.headers.get("sec-fetch-site"), connection.headers.get("origin", "")
        is_ours = site == "same-origin" if site is not None else self._is_own(origin, connection)
        if not is_ours or (origin and origin != "null" and not self._is_own(origin, connection)):
            raise Problem("forbidden", "this form was not sent from this site: open the page and send it again")

    def is_over_tls(self, connection: HTTPConnection) -> bool:
        """Whether the browser uses TLS, which a proxy may end: by the settings, or because the browser says so."""
        schemes = (self.settings.address, connection.headers.get("origin", ""), connection.url.scheme + "://")
        return any(one.startswith("https://") for one in schemes)

    def _is_own(self, origin: str, connection: HTTPConnection) -> bool:
        if origin.lower() == self.settings.address:
            return bool(origin)
        return urlsplit(origin).netloc == connection.headers.get("host")
