"""The agreement: the policy in sentences."""

from htpy import Node, b, bdi, code, details, div, fragment, li, ol, p, q, summary, tbody, td, th, tr, ul

from workers.policies.agreement import Agreement, agreement_of
from workers.policies.versions import AgreedVersion

from .frame import Shown, column, missing, part, sheet
from .page_source import Source
from .phrases import reason_name

SHOWN_CHANGES = 8
"""More of one version are folded."""
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
        _versions(source, policy.digest),
    ]
    answer = " ".join(agreed.promises[:2]) or "Nothing is promised about leads."
    version = fragment[" This is version ", b[bdi[policy.version]], "."]
    return Shown(QUESTION, fragment[answer, version], content, "/agreement")


def _versions(source: Source, digest: str) -> Node:
    """What was agreed when, and what each change was about."""
    log = source.policy.log
    if log is None:
        return missing(
            fragment[
                "Earlier versions are kept in Kafka, to which this page has no access: ",
                code["KAFKA_BOOTSTRAP_SERVERS"],
                " gives it.",
            ]
        )
    versions = source.policy.versions()
    if not versions:
        trouble = fragment[" Kafka says: ", q[bdi[log.trouble]], "."] if log.trouble else None
        return missing(fragment["No version is recorded yet; streams does that when it starts.", trouble])
    rows = [li[b[bdi[one.version]], " since ", source.clock.when(one.since), _what_changed(one)] for one in versions]
    other = missing(
        fragment[
            "Leads are decided by version ",
            b[bdi[versions[0].version]],
            ", the newest below; this page has another file, whose content is described above.",
        ]
    )
    return part(
        "What was agreed when",
        other if versions[0].digest != digest else None,
        ol(".versions")[rows],
        note="The newest first, and what each one changed. Leads are decided by the version of their time.",
        anchor="versions",
    )


def _what_changed(one: AgreedVersion) -> Node:
    if one.is_first:
        return "; nothing is known before it."
    if one.changes is None:
        return ". What it changed is not known: one of both files cannot be read any more."
    if not one.changes:
        return ". It changed nothing that is agreed."
    said = ul(".said")[[li[sentence] for sentence in one.changes]]
    if len(one.changes) <= SHOWN_CHANGES:
        return fragment[":", said]
    return fragment[":", details[summary[f"{len(one.changes)} changes"], said]]


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
