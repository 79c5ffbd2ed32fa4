"""The funnel, also by cause: the rows by reason, added up as the policy relates reasons to causes."""

from streams.domain.policy import Policy

from . import api_models
from .queries import ReadModel

ROWS_AT_ONCE = 500


async def grouped_funnel(
    model: ReadModel,
    policy: Policy | None,
    by: api_models.FunnelGrouping,
    pass_label: api_models.PassLabel | None,
    cursor: str | None,
    limit: int,
) -> api_models.FunnelPage:
    """A page of the funnel's rows, in the order of their names; by cause all of them.

    Args:
        model: The read model.
        policy: Relates reasons to causes; None: the default policy does.
        by: What the rows are.
        pass_label: Only these passes; None: all.
        cursor: See `ReadModel.funnel`.
        limit: The most rows of a page.

    Raises:
        ReadModelUnavailable: The read model cannot be read.
    """
    if by != "cause":
        return await model.funnel(by, pass_label, cursor, limit)
    rows: dict[str, api_models.FunnelRow] = {}
    causes, after = policy or Policy(), None
    while True:
        page = await model.funnel("reason", pass_label, after, ROWS_AT_ONCE)
        for row in page.rows:
            cause = causes.cause_of(row.value) if row.value else ""
            rows[cause] = _sum(cause, rows.get(cause), row)
        if page.next is None:
            return page.model_copy(update={"by": "cause", "rows": [rows[cause] for cause in sorted(rows)]})
        after = page.next


def _sum(cause: str, known: api_models.FunnelRow | None, more: api_models.FunnelRow) -> api_models.FunnelRow:
    before = known or api_models.FunnelRow(value=cause)
    counts = {name: count + getattr(before, name) for name, count in more.model_dump(exclude={"value"}).items()}
    return api_models.FunnelRow(value=cause, **counts)
