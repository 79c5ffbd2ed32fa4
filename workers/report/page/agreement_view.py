"""The agreement: the policy in sentences."""

from htpy import Node, b, bdi, code, div, fragment, li, ol, p, tbody, td, th, tr, ul

from workers.policies.agreement import Agreement, agreement_of

from .frame import Shown, column, missing, part, sheet
from .page_source import Source
from .phrases import reason_name

QUESTION = "What have sales and marketing agreed?"


def agreement_view(source: Source) -> Shown:
    """What the policy of this process says."""
    policy = source.policy.policy
    if policy is None:
        return Shown(
            QUESTION,
            "The agreement is not known to this page.",
            missing(
                fragment[
                    "Give ", code["leadloop report"], " the policy file of streams: ", code["LEADLOOP_POLICY_FILE"], "."
                ]
            ),
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
        part("What happens when a lead goes cold", _reasons(agreed)),
        missing(
            fragment[
                "Earlier versions are not shown: the read model has the version of each decision, not the policies. ",
                code["leadloop policy diff"],
                " compares two files.",
            ]
        ),
    ]
    answer = " ".join(agreed.promises[:2]) or "Nothing is promised about leads."
    version = fragment[" This is version ", b[bdi[policy.version]], "."]
    return Shown(QUESTION, fragment[answer, version], content, "/agreement")


def _reasons(agreed: Agreement) -> Node:
    rows = [
        tr[
            th(scope="row")[bdi[reason_name(one.reason)] if one.reason else "any other"],
            td[bdi[one.track] if one.track else "is not handed back"],
            td[one.start or "–"],
            td[one.asked or "–"],
        ]
        for one in agreed.reasons
    ]
    head = [
        column("Reason", ""),
        column("Marketing's track", ""),
        column("Starts", ""),
        column("Sales is asked first, and has", ""),
    ]
    return sheet("What follows, by reason", head, [tbody[rows]], kind="snug")


def _rules(agreed: Agreement) -> Node:
    if not agreed.rules:
        return None
    return part(
        "Exceptions",
        ol(".clauses")[[li[p[sentence]] for sentence in agreed.rules]],
        note="The first that fits applies.",
    )
