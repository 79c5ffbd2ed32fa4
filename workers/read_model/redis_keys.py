"""The keys of the read model in Redis. Internal: clients use the API instead.

leadloop:<app>:current      the generation that readers read
leadloop:<app>:building     the generation that is being filled, if any
leadloop:<app>:generations  how many there have been
leadloop:<app>:retired      generations to be deleted, by when they were retired
leadloop:<app>:g<N>:…       one generation, whole: see `Generation`
"""

from dataclasses import dataclass, field

from schemas.names import read_model_key

FORMAT = 7
"""Format of a generation. A generation of another format is not continued; a new one is filled beside it."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one application."""

    app_id: str

    @property
    def current(self) -> str:
        return read_model_key(self.app_id) + "current"

    @property
    def building(self) -> str:
        return read_model_key(self.app_id) + "building"

    @property
    def generations(self) -> str:
        return read_model_key(self.app_id) + "generations"

    @property
    def retired(self) -> str:
        return read_model_key(self.app_id) + "retired"

    def generation(self, number: int) -> "Generation":
        return Generation(number, f"{read_model_key(self.app_id)}g{number}:")


@dataclass(frozen=True, slots=True)
class Generation:
    """The keys of one generation.

    meta      what format it has and of which cluster it was read; without it the generation is not there
    until     hash: the ends of the log when it was begun
    fresh     hash by topic/partition: records behind, and the time up to which everything is in
    pos:…     by topic/partition: the offset at which reading goes on; written in one transaction with what was read
    lead:…    one document a lead
    list:…    sorted sets in the order of their members, or of a time or an amount: see `lead_lists`
    count:…   a hash for each row of the funnel, by pass and step, and for each owner with escalations, by their state
    """

    number: int
    prefix: str = field(repr=False)

    @property
    def meta(self) -> str:
        return self.prefix + "meta"

    @property
    def until(self) -> str:
        return self.prefix + "until"

    @property
    def fresh(self) -> str:
        return self.prefix + "fresh"

    def position(self, topic: str, partition: int) -> str:
        return f"{self.prefix}pos:{topic}/{partition}"

    def lead(self, lead_id: str) -> str:
        return f"{self.prefix}lead:{lead_id}"

    def list(self, name: str) -> str:
        return f"{self.prefix}list:{name}"

    def count(self, by: str, value: str) -> str:
        return f"{self.prefix}count:{by}:{value}"
