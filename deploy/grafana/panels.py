"""Panels as Leadloop draws them: each with a title, words that say what it shows, a unit, and limits that mean something."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as drawn
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, ORANGE, RED, BLUE = "green", "yellow", "orange", "red", "blue"

P = TypeVar("P", stat.Panel, timeseries.Panel, table.Panel, bargauge.Panel)
Query = tuple[str, str]  # expression, and how its series are called
Limits = Sequence[tuple[float, str]]  # from this value on, this colour

NO_DATA = model.SpecialValueMap(
    options=model.DashboardSpecialValueMapOptions(
        match=model.SpecialValueMatch.NULL_AND_NAN,
        result=model.ValueMappingResult(text="no data yet", color="text", index=0),
    )
)
"""A share of nothing is no number, and Grafana would paint it in the colour of the lowest limit: red."""

TRACED = ("leadloop_http_request_seconds_bucket", "leadloop_delivery_acceptance_seconds_bucket")
"""Series whose observations lead to a trace."""


def graph(
    title: str,
    words: str,
    unit: str,
    *queries: Query,
    limits: Limits = (),
    span: int = 8,
    is_stacked: bool = False,
    low: float | None = 0,
) -> timeseries.Panel:
    """Values over time. A limit is drawn as a line."""
    panel = timeseries.Panel().fill_opacity(20 if is_stacked else 5).line_width(1)
    panel = panel.show_points(drawn.VisibilityMode.NEVER).tooltip(
        common.VizTooltipOptions().mode(drawn.TooltipDisplayMode.MULTI).sort(drawn.SortOrder.DESCENDING)
    )
    panel = panel.legend(
        common.VizLegendOptions()
        .display_mode(drawn.LegendDisplayMode.LIST)
        .placement(drawn.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    if is_stacked:
        panel = panel.stacking(common.StackingConfig().mode(drawn.StackingMode.NORMAL))
    if limits:
        lines = common.GraphThresholdsStyleConfig().mode(drawn.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds_style(lines)
    if low is not None:
        panel = panel.min(low)
    return _drawn(panel, title, words, unit, queries, limits, span, 8)


def number(
    title: str, words: str, unit: str, query: str, *, limits: Limits = (), span: int = 4, decimals: int | None = None
) -> stat.Panel:
    """The value of now, large; its colour says whether it is well."""
    panel = stat.Panel().color_mode(drawn.BigValueColorMode.VALUE).graph_mode(drawn.BigValueGraphMode.AREA)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    if decimals is not None:
        panel = panel.decimals(decimals)
    return _drawn(panel, title, words, unit, [(query, "")], limits, span, 4)


def numbers(title: str, words: str, unit: str, *queries: Query, limits: Limits = (), span: int = 8) -> stat.Panel:
    """Several values of now, side by side."""
    panel = stat.Panel().color_mode(drawn.BigValueColorMode.BACKGROUND).graph_mode(drawn.BigValueGraphMode.NONE)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel = panel.text_mode(drawn.BigValueTextMode.VALUE_AND_NAME)
    return _drawn(panel, title, words, unit, queries, limits, span, 4, is_instant=True)


def bars(title: str, words: str, unit: str, *queries: Query, limits: Limits = (), span: int = 8) -> bargauge.Panel:
    """Values of now, one bar each."""
    panel = bargauge.Panel().orientation(drawn.VizOrientation.HORIZONTAL).min(0)
    panel = panel.display_mode(drawn.BarGaugeDisplayMode.BASIC)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return _drawn(panel, title, words, unit, queries, limits, span, 8, is_instant=True)


def rows(title: str, words: str, unit: str, *queries: Query, span: int = 24, height: int = 6) -> table.Panel:
    """One row a label, one column a query."""
    panel = table.Panel()
    hidden = dict.fromkeys(("Time", "job", "instance", "__name__"), True)
    names = {f"Value #{ref}": name for ref, (_, name) in zip("ABCDEFGHIJ", queries, strict=False)}
    if len(queries) == 1:
        names["Value"] = queries[0][1]
    options: Any = {"excludeByName": hidden, "renameByName": names, "indexByName": {}}
    panel = panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    panel = panel.with_transformation(model.DataTransformerConfig(id_val="organize", options=options))
    return _drawn(panel, title, words, unit, queries, (), span, height, is_instant=True, is_table=True)


def _drawn(
    panel: P,
    title: str,
    words: str,
    unit: str,
    queries: Sequence[Query],
    limits: Limits,
    span: int,
    height: int,
    *,
    is_instant: bool = False,
    is_table: bool = False,
) -> P:
    built: Any = panel  # the builders share these methods, but no type that has them
    built = built.title(title).description(words).unit(unit).datasource(SOURCE).span(span).height(height)
    built = built.mappings([NO_DATA])
    for ref, (expression, legend) in zip("ABCDEFGHIJ", queries, strict=False):
        target = prometheus.Dataquery().expr(expression).ref_id(ref).legend_format(legend or "__auto")
        target = target.instant() if is_instant else target.range()
        if not is_instant and any(one in expression for one in TRACED):
            target = target.exemplar(True)
        built = built.with_target(target.format(PromQueryFormat.TABLE) if is_table else target)
    steps = [model.Threshold(value=None, color=limits[0][1] if _starts(limits) else GREEN if limits else BLUE)]
    steps += [model.Threshold(value=value, color=colour) for value, colour in limits[_starts(limits) :]]
    done = dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)
    return cast("P", built.thresholds(done))


def _starts(limits: Limits) -> int:
    """Whether the first limit is the colour from the very lowest on."""
    return int(bool(limits) and limits[0][0] == float("-inf"))
