"""The response models of the funnel: rows with steps, money and durations."""

from pydantic import Field

from .api_models import ApiModel, AsOf, FunnelGrouping, Money, Page


class Durations(ApiModel):
    """How long a step took: half of all, and nine of ten, at most so long (within 19%); null: fewer got there yet."""

    half_seconds: int | None = Field(default=None, examples=[14_400])
    nine_of_ten_seconds: int | None = None
    known: int = Field(default=0, description="Passes that got there, with both times known.")
    unknown: int = Field(default=0, description="Got there, but a time is not known; left out.")
    longer: int = Field(default=0, description="Have not got there yet: they count as longer.")


class FunnelRow(ApiModel):
    """Passes that reached each step, and what else is known of them. Durations: null where none are kept."""

    value: str = Field(examples=["webinar"])
    created: int = 0
    touched: int = 0
    progressed: int = 0
    stalled: int = 0
    recycled: int = 0
    requalified: int = Field(default=0, description="Handed back, and marketing passed the lead to sales again.")
    won_back: int = Field(default=0, description="Handed back, and a later pass was won.")
    won: int = 0
    lost: int = 0
    won_after: int = Field(default=0, description="Handed back, and then this pass or a later one was won.")
    kept: int = Field(default=0, description="Contacted, and no promise was broken so far.")
    broken: int = Field(default=0, description="A promise was broken, whatever came of it.")
    broken_now: int = Field(default=0, description="A promise was broken, and the lead is cold now.")
    held_out: int = Field(default=0, description="Left alone, to compare.")
    held_requalified: int = 0
    held_won: int = 0
    won_money: Money = Field(default={}, description="What won deals brought.", examples=[{"EUR": 118_000}])
    unpriced: int = Field(default=0, description="Won, and no amount is known.")
    expected_money: Money = Field(default={}, description="What open deals are expected to bring; current passes only.")
    spent: Money = Field(default={}, description="By origin or campaign: the sum of the costs file.")
    money_after: Money = Field(default={}, description="What was won after a hand-back, in this pass or a later one.")
    contact: Durations | None = Field(default=None, description="Creation to first contact, of all created.")
    progress: Durations | None = Field(default=None, description="First contact to progress, of all contacted.")
    cold: Durations | None = Field(default=None, description="Creation to going cold first, of those that did.")
    win: Durations | None = Field(default=None, description="Creation to won deal, of those that were won.")


class FunnelPage(Page):
    by: FunnelGrouping
    rows: list[FunnelRow]
    total: FunnelRow = Field(description="Of all rows, those of other pages included.")
    others: FunnelRow | None = Field(default=None, description="With `order=leads`: all rows that are not among these.")
    values: int | None = Field(default=None, description="With `order=leads`: how many rows there are.")


class TrackRow(ApiModel):
    """Recycles of one track, each time counted once; empty: of recycles whose events have expired."""

    track: str = Field(examples=["offer"])
    standing: int = 0
    requalified: int = 0
    revoked: int = 0
    won_after: int = Field(default=0, description="Times after which the lead was won.")
    money_after: Money = Field(default={}, description="What was won then.")


class TrackPage(ApiModel):
    """The tracks with the most recycles, at most 100."""

    tracks: list[TrackRow]
    as_of: AsOf
