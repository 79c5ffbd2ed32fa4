"""Today: what waits, and for whom."""

from collections import Counter

from htpy import Node, b, bdi, code, div, fragment, h2, li, ol, p, span, tbody, td, th, tr, ul

from workers.report.api_models import LeadModel, LeadPage, Money, Overview, OwnerOverview
from workers.report.funnel_rows import currencies_of
from workers.report.lead_query import LeadQuery

from .changes_part import changes_part
from .frame import Shown, column, missing, more_link, part, sheet
from .money_words import all_money, currency_name, money_cell
from .page_source import Source
from .phrases import (
    DECISION_NAMES,
    EPOCH,
    PROMISE_WORDS,
    STAGE_NAMES,
    amount_in_sentence,
    instant_text,
    lead_link,
    number,
    of_leads,
    plural,
)
from .svg_charts import Series, bar, columns

NEXT_DUE = 12
ALL_DUE = LeadQuery(due_from=0)
QUESTION = "What waits, and for whom?"


async def today_view(source: Source) -> Shown:
    """The first page."""
    overview = await source.overview()
    if not overview.leads:
        return _empty()
    soon = await source.model.leads(ALL_DUE, None, NEXT_DUE)
    changed = await source.model.changes(int(source.clock.now.timestamp() * 1000))
    content = [
        div(".pair")[
            _due_next(source, soon),
            div[changes_part(changed, source.clock), _by_owner(overview), _week(source, overview)],
        ],
        div(".pair")[_stages(overview), _decisions(overview)],
    ]
    return Shown(QUESTION, _answer(overview), content, "/")


def figures(overview: Overview) -> dict[str, str]:
    """The figures that change in place, by their names."""
    return {
        **{f"stage:{name}": _figure(count) for name, count in overview.stages.items()},
        **{f"decision:{name}": _figure(count) for name, count in overview.decisions.items()},
        "leads": _figure(overview.leads),
    }


def today_ends(overview: Overview) -> str:
    return instant_text(overview.days[0].begins)


def _figure(count: int) -> str:
    return number(count) if count else "–"


def _answer(overview: Overview) -> Node:
    due, late, back = overview.overdue + overview.today, overview.decisions["ESCALATE"], overview.stages["nurture"]
    waiting = with_sales(overview)
    return fragment[
        "Sales owes ",
        amount_in_sentence(due, due_before=today_ends(overview)),
        f" {plural(due, 'lead')} a contact today. ",
        broken_in_sentence(late),
        " Marketing has ",
        amount_in_sentence(back, stage="nurture"),
        f" {plural(back, 'lead')}.",
        fragment[" What is open with sales is expected to bring ", all_money(waiting), "."] if waiting else None,
    ]


def with_sales(overview: Overview) -> Money:
    """What the leads that sales has are expected to bring: new, working, and cold but not handed back."""
    total = Counter[str]()
    for stage in ("new", "working", "stalled"):
        total.update(overview.expected_money[stage])
    return dict(total)


def broken_in_sentence(late: int) -> Node:
    """How many broken promises sales can still answer, each of another lead."""
    if not late:
        return "No broken promise can still be answered."
    return fragment[of_leads(late, decision="ESCALATE"), f" broken {plural(late, 'promise')} can still be answered."]


def _due_next(source: Source, soon: LeadPage) -> Node:
    if not soon.leads:
        return part("Due next", missing("Nothing is promised at the moment: no clock runs for any lead."))
    return part(
        "Due next",
        ol(".agenda")[[_due(source, lead) for lead in soon.leads]],
        more_link("/leads", "All promises, the next first", due_from=EPOCH),
    )


def _due(source: Source, lead: LeadModel) -> Node:
    return li[
        span(".when")[source.clock.when(lead.due_at)],
        span[lead_link(lead.lead_id), fragment[" ", bdi[lead.account_id]] if lead.account_id else None],
        span(".soft")[PROMISE_WORDS.get(lead.due_reason, lead.due_reason)],
        span[bdi[lead.owner_id]],
    ]


def _by_owner(overview: Overview) -> Node:
    waiting = [one for one in overview.owners if one.escalated or one.overdue or one.today or one.week]
    if not waiting:
        return part("By owner", missing("No owner has a promise to keep this week."))
    top = max(one.escalated + one.overdue + one.today for one in waiting)
    head = [column("Owner", ""), column("Broken"), column("Due today"), column("", "plot"), column("Within 7 days")]
    table = sheet(
        "What waits, by owner",
        head,
        [tbody[[_owner_row(one, top, today_ends(overview), overview) for one in waiting]]],
        is_sorted=True,
    )
    return part("By owner", table, note=_more_owners(overview))


def _more_owners(overview: Overview) -> Node:
    return f"The first {len(overview.owners)} owners, by name." if overview.has_more_owners else None


def _owner_row(one: OwnerOverview, top: int, ends: str, overview: Overview) -> Node:
    due, week_ends = one.overdue + one.today, instant_text(overview.days[-1].ends)
    return tr[
        th(scope="row")[bdi[one.owner]],
        td(".n")[of_leads(one.escalated, owner=one.owner, decision="ESCALATE")],
        td(".n")[of_leads(due, owner=one.owner, due_before=ends)],
        td(".plot")[bar([(one.escalated, "m2"), (due, "m1")], top)],
        td(".n")[of_leads(one.week, owner=one.owner, due_from=ends, due_before=week_ends)],
    ]


def _week(source: Source, overview: Overview) -> Node:
    days = overview.days
    names = [f"{day.begins.astimezone(source.clock.zone):%a %-d}" for day in days]
    busiest = max(days, key=lambda day: day.due)
    if not busiest.due:
        return part("The next seven days", missing("No promise breaks within the next seven days."))
    caption = fragment[
        of_leads(busiest.due, due_from=instant_text(busiest.begins), due_before=instant_text(busiest.ends)),
        f" {plural(busiest.due, 'promise breaks', 'promises break')} on ",
        b[f"{busiest.begins.astimezone(source.clock.zone):%A}"],
        ", if nobody acts; ",
        of_leads(overview.later, due_from=instant_text(days[-1].ends)) if overview.later else "none",
        f" {plural(overview.later, 'breaks', 'break')} after these days.",
    ]
    chart = columns(caption, "Promises that break, by day", names, [Series("due", "m1", [day.due for day in days])])
    return part("The next seven days", chart)


def _stages(overview: Overview) -> Node:
    names = [name for name in STAGE_NAMES if name != "unknown" or overview.stages["unknown"]]
    shown = currencies_of(overview.expected_money.values())
    rows = [
        tr[
            th(scope="row")[STAGE_NAMES[name]],
            td(".n", data_figure=f"stage:{name}")[of_leads(overview.stages[name], stage=name)],
            [money_cell(overview.expected_money[name], currency) for currency in shown],
        ]
        for name in names
    ]
    total = tr(".total")[
        th(scope="row")["All leads"],
        td(".n", data_figure="leads")[of_leads(overview.leads)],
        [td for _ in shown],
    ]
    money = [column(f"Expected, {currency_name(currency)}") for currency in shown]
    table = sheet("Where every lead stands", [column("Stage", ""), column("Leads"), *money], [tbody[rows, total]])
    note = "Each lead is in exactly one row. What is expected is the amount that was given for open deals."
    return part("Where every lead stands", table, _without_money(overview), note=note)


def _without_money(overview: Overview) -> Node:
    if any(overview.expected_money.values()):
        return None
    return missing("No open deal has an expected amount: send expected_amount and currency with lead-created.")


def _decisions(overview: Overview) -> Node:
    shown = currencies_of(overview.decided_money.values())
    rows = [
        tr[
            th(scope="row")[words],
            td(".n", data_figure=f"decision:{name}")[of_leads(overview.decisions[name], decision=name)],
            [money_cell(overview.decided_money[name], currency) for currency in shown],
        ]
        for name, words in DECISION_NAMES.items()
    ]
    money = [column(f"Expected, {currency_name(currency)}") for currency in shown]
    head = [column("Decision", ""), column("Leads"), *money]
    table = sheet("What was decided about cold leads", head, [tbody[rows]])
    return part("What was decided about cold leads", table, note="The newest decision about each lead that is cold.")


def _empty() -> Shown:
    return Shown(
        QUESTION,
        "No lead has arrived yet, so nothing waits.",
        div(".empty")[
            h2["Send the first lead"],
            p[
                "Leadloop learns of a lead from an event of the kind ",
                code["lead-created"],
                ". Any of these sends one:",
            ],
            ul(".said")[
                li["Connect the CRM: a webhook, described in ", code["docs/ingest.md"], "."],
                li["Import a file: ", code["leadloop import"], "."],
                li["Post one by hand: the example is in ", code["README.md"], "."],
            ],
        ],
        "/",
    )
