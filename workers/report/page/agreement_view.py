"""The agreement: the policy in sentences."""

from htpy import Node, b, bdi, div, fragment, li, ol, p, ul

from workers.policies.agreement import Agreement, agreement_of

from .frame import Shown, missing, part
from .page_source import Source

QUESTION = "What have sales and marketing agreed?"


def agreement_view(source: Source) -> Shown:
    """What the policy of this process says."""
    policy = source.policy.policy
    if policy is None:
        return Shown(
            QUESTION,
            "The agreement is not known to this page.",
            missing("Give `leadloop report` the policy file of streams: LEADLOOP_POLICY_FILE."),
            "/agreement",
        )
    agreed = agreement_of(policy)
    content = [
        div(".pair")[
            part("What sales promises", ol(".clauses")[[li[p[sentence]] for sentence in agreed.promises]]),
            div[
                part("When a lead is not handed back", ul(".said")[[li[sentence] for sentence in agreed.gates]]),
                part("What counts", ul(".said")[[li[sentence] for sentence in agreed.counts]]),
            ],
        ],
        _rules(agreed),
        part("What marketing does when a lead goes cold", ul(".said")[[li[sentence] for sentence in agreed.reasons]]),
        missing(
            "Earlier versions and their dates are not shown: the read model keeps the version of each decision, not of "
            "the policy. `leadloop policy diff` compares two files."
        ),
    ]
    answer = fragment[agreed.promises[0] if agreed.promises else "Nothing is promised about leads.", " "]
    version = fragment["This is version ", b[bdi[policy.version]], "."]
    return Shown(QUESTION, fragment[answer, version], content, "/agreement")


def _rules(agreed: Agreement) -> Node:
    if not agreed.rules:
        return None
    return part(
        "Exceptions",
        ol(".clauses")[[li[p[sentence]] for sentence in agreed.rules]],
        note="The first that fits applies.",
    )
