"""The funnel, also by cause: the rows by reason, added up as the policy relates reasons to causes."""

from collections import Counter, defaultdict

from streams.domain.funnel import PASS_LABELS
from streams.domain.policy import Policy
from workers.read_model.index import RANKED_BY

from . import api_models, funnel_models
from .funnel_rows import is_empty, row_of
from .queries import ReadModel

ROWS_AT_ONCE = 500


async def grouped_funnel(
    model: ReadModel,
    policy: Policy | None,
    by: api_models.FunnelGrouping,
    pass_label: api_models.PassLabel | None,
    cursor: str | None,
    limit: int,
    *,
    by_leads: bool = False,
) -> funnel_models.FunnelPage:
    """A page of the funnel's rows, in the order of their names; by cause all of them.

    Args:
        model: The read model.
        policy: Relates reasons to causes; None: the default policy does.
        by: What the rows are.
        pass_label: Only these passes; None: all.
        cursor: See `ReadModel.funnel`.
        limit: The most rows of a page.
        by_leads: The rows with the most leads instead, and the sum of the others.

    Raises:
        ReadModelUnavailable: The read model cannot be read.
    """
    if by != "cause":
        if by_leads and by not in RANKED_BY:
            page = await model.funnel(by, pass_label, None, ROWS_AT_ONCE)
            return page.model_copy(update={"rows": sorted(page.rows, key=lambda row: -row.created)[:limit]})
        return await (model.largest(by, pass_label, limit) if by_leads else model.funnel(by, pass_label, cursor, limit))
    causes, labels = policy or Policy(), (pass_label,) if pass_label else PASS_LABELS
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    async for reason, counts in model.rows("reason"):
        sums[causes.cause_of(reason) if reason else ""].update(counts)
    rows = [row_of(cause, sums[cause], labels, {}) for cause in sorted(sums)]
    page = await model.funnel("reason", pass_label, None, 1)
    return page.model_copy(update={"by": "cause", "next": None, "rows": [row for row in rows if not is_empty(row)]})
