"""What defects violate besides what they are made for: where the standard says the same thing twice, or one thing needs another.

Each entry says why, in a sentence, which defects (by pattern), and which requirements. That nothing else fails is what
``tests/proof`` proves.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["also_violated", "may_violate", "spoiled"]


@dataclass(frozen=True)
class Also:
    """What some defects violate as well.

    Parameters
    ----------
    why : str
        The reason.
    names : str
        Patterns of defects' names, apart by spaces.
    requirements : str
        Ids, apart by spaces.
    """

    why: str
    names: str
    requirements: str


# The attributes whose change an SCP has to support.
SUPPORTED_LOST = (
    "set-procedure-step-label-lost set-comments-on-the-scheduled-procedure-step-lost set-procedure-step-progress-information-sequence-lost"
    " set-unified-procedure-step-performed-procedure-sequence-lost set-scheduled-procedure-step-priority-lost set-worklist-label-lost"
    " set-scheduled-procedure-step-start-date-time-lost set-scheduled-workitem-code-sequence-lost set-input-readiness-state-lost set-expected-completion-date-time-lost"
)

ALSO: tuple[Also, ...] = (
    Also(
        "a sequence asked for by an empty key comes whole, as N-GET shows it (RO58-TMS-023)",
        "ro58-input-*",
        "RO58-TMS-023",
    ),
    Also("a query by Patient ID returns that patient's workitems only", "ro58-patient-id-*", "RO58-TMS-019"),
    Also(
        "a workitem is recognised in responses by its SOP Instance UID",
        "ro58-sop-instance-*",
        "RO58-TMS-003 RO58-TMS-014 RO58-TMS-015 RO58-TMS-016 RO58-TMS-017 RO58-TMS-018 RO58-TMS-019 RO58-TMS-021 RO58-TMS-022 RO58-TMS-023",
    ),
    Also(
        "which input is the plan, the instruction or the record is told by the class referenced",
        "ro58-input-referenced-class-* ro58-input-referenced-absent ro58-input-referenced-empty",
        "RO58-TMS-146 RO58-TMS-148 RO58-TMS-150",
    ),
    Also("a name beyond ASCII reads as it was scheduled", "ro58-patient-name-*", "RO58-TMS-021"),
    Also("whose lock is gone changes nothing that could be shown at once", "get-drops-the-lock", "CC27-TMS-015"),
    Also("no two N-GETs show the same", "get-touches-modification-time", "CC27-TMS-016 CC27-TMS-017 CC27-TMS-018"),
    Also(
        "a refused N-SET that is sent twice changes nothing either time",
        "n-set-with-another-in-progress-changing n-set-with-another-in-progress-success", "CC26-TMS-022",
    ),
    # Cells of the state table that the transactions of TDW-II have a requirement of their own for.
    Also("RO-60: the claim of a second TDD", "claim-without-it-in-progress-success claim-without-it-in-progress-another-failure", "RO60-TMS-004"),
    Also("who answers success to both has both win, and reports what it refused", "claim-without-it-in-progress-success", "RO60-TMS-015 CC24-TMS-004"),
    Also("RO-60: a claim without Transaction UID", "claim-without-it-scheduled-success claim-without-it-scheduled-another-failure", "RO60-TMS-008"),
    Also("RO-60: the claim of an unknown workitem", "claim-with-the-right-transaction-uid-no-ups-*", "RO60-TMS-009"),
    Also("RO-60: a change to SCHEDULED", "change-to-scheduled-scheduled-success change-to-scheduled-scheduled-another-failure", "RO60-TMS-010"),
    Also(
        "RO-60: straight to a final state",
        "complete-with-the-right-transaction-uid-scheduled-success complete-with-the-right-transaction-uid-scheduled-another-failure"
        " cancel-with-the-right-transaction-uid-scheduled-success cancel-with-the-right-transaction-uid-scheduled-another-failure",
        "RO60-TMS-011",
    ),
    Also(
        "RO-60: a second claim with the lock",
        "claim-with-the-right-transaction-uid-in-progress-success claim-with-the-right-transaction-uid-in-progress-another-failure",
        "RO60-TMS-012",
    ),
    Also("RO-62 and RO-64: an update with another Transaction UID", "n-set-with-another-in-progress-success n-set-with-another-in-progress-another-failure", "RO62-TMS-005 RO64-TMS-003"),
    Also("RO-62: an update without Transaction UID", "n-set-without-one-in-progress-success n-set-without-one-in-progress-another-failure", "RO62-TMS-006"),
    Also("RO-62: a refused update changes nothing", "n-set-with-another-in-progress-success n-set-with-another-in-progress-changing n-set-without-one-in-progress-success n-set-without-one-in-progress-changing", "RO62-TMS-007"),
    Also("RO-64: a refused final update stores nothing", "n-set-with-another-in-progress-changing", "RO64-TMS-003"),
    Also("a refused N-SET is one that is refused", "n-set-with-another-in-progress-success", "CC26-TMS-008"),
    Also("an N-SET that has to be refused, as its reports show", "n-set-without-one-in-progress-success", "CC24-TMS-004"),
    Also("RO-62: the update of an unknown workitem", "n-set-with-another-no-ups-*", "RO62-TMS-011"),
    Also("RO-62: an update with a lock where there is none", "n-set-with-another-scheduled-success n-set-with-another-scheduled-another-failure", "RO62-TMS-015"),
    Also("RO-62: an update of a scheduled workitem", "n-set-without-one-scheduled-failing n-set-without-one-scheduled-failing-but-done", "RO62-TMS-016"),
    Also("RO-65: an update after the end", "n-set-with-the-right-transaction-uid-completed-* n-set-with-the-right-transaction-uid-canceled-*", "RO65-TMS-004"),
    Also("RO-65: COMPLETED again", "complete-with-the-right-transaction-uid-completed-success complete-with-the-right-transaction-uid-completed-another-failure", "RO65-TMS-005"),
    Also("RO-65: CANCELED again", "cancel-with-the-right-transaction-uid-canceled-success cancel-with-the-right-transaction-uid-canceled-another-failure", "RO65-TMS-006"),
    Also(
        "RO-65: other changes after the end",
        "claim-with-the-right-transaction-uid-completed-success claim-with-the-right-transaction-uid-completed-another-failure"
        " cancel-with-the-right-transaction-uid-completed-success cancel-with-the-right-transaction-uid-completed-another-failure"
        " claim-with-the-right-transaction-uid-canceled-success claim-with-the-right-transaction-uid-canceled-another-failure"
        " complete-with-the-right-transaction-uid-canceled-success complete-with-the-right-transaction-uid-canceled-another-failure",
        "RO65-TMS-007",
    ),
    Also(
        "RO-65: another Transaction UID after the end",
        "*-without-it-completed-success *-without-it-completed-another-failure"
        " *-without-it-canceled-success *-without-it-canceled-another-failure",
        "RO65-TMS-008",
    ),
    Also(
        "RO-65: COMPLETED and CANCELED without the lock",
        "complete-without-it-in-progress-success complete-without-it-in-progress-another-failure"
        " cancel-without-it-in-progress-success cancel-without-it-in-progress-another-failure",
        "RO65-TMS-010 RO65-TMS-011",
    ),
    Also(
        "RO-65: back to SCHEDULED",
        "change-to-scheduled-in-progress-success change-to-scheduled-in-progress-another-failure"
        " change-to-scheduled-completed-success change-to-scheduled-completed-another-failure"
        " change-to-scheduled-canceled-success change-to-scheduled-canceled-another-failure",
        "RO65-TMS-016",
    ),
    Also("a UPS that was canceled cannot be claimed", "claim-without-it-canceled-success claim-without-it-canceled-another-failure", "CC22-TMS-009"),
    Also("two simultaneous final states, of which the later finds the other", "cancel-with-the-right-transaction-uid-completed-success complete-with-the-right-transaction-uid-canceled-success", "CC21-TMS-006"),
    Also("N-CREATE of a UPS that is there", "n-create-scheduled-success n-create-scheduled-another-failure", "CC25-TMS-022"),
    Also(
        "N-CREATE of a UPS that is there",
        "n-create-scheduled-success n-create-in-progress-success n-create-completed-success n-create-canceled-success"
        " n-create-scheduled-another-failure n-create-in-progress-another-failure n-create-completed-another-failure"
        " n-create-canceled-another-failure",
        "CC25-TMS-020",
    ),
    Also("N-CREATE of a UPS that is there changes nothing", "n-create-scheduled-changing n-create-in-progress-changing n-create-completed-changing n-create-canceled-changing", "CC25-TMS-021"),
    Also("what is lost alone is lost among others", SUPPORTED_LOST, "CC26-TMS-023"),
    Also("the label and comments are what shows an N-SET of a SCHEDULED UPS", "set-procedure-step-label-lost set-comments-on-the-scheduled-procedure-step-lost", "CC26-TMS-002 CC26-TMS-026"),
    Also("the label is what shows that an N-SET was done", "set-procedure-step-label-lost", "CC26-TMS-005 CC26-TMS-008 CC26-TMS-025"),
    Also("text of the progress is lost with it", "set-procedure-step-progress-information-sequence-lost", "CC26-TMS-026"),
    Also("a restart is known by its SCP Status", "event-status-change-scpstatus-*", "CC24-TMS-017"),
    Also("N-SETs that say the same as before come as a matter of course", "set-twice-refused", "CC26-TMS-024"),
    Also("what is added is added again", "set-procedure-step-progress-information-sequence-added set-unified-procedure-step-performed-procedure-sequence-added set-scheduled-workitem-code-sequence-added", "CC26-TMS-022"),
    Also("what a final update does not mention is left as it was", "set-forgets-another-attribute", "RO64-TMS-008"),
    Also("items that were there are no part of what was set", "set-procedure-step-progress-information-sequence-added set-unified-procedure-step-performed-procedure-sequence-added set-scheduled-workitem-code-sequence-added", "CC26-TMS-012 CC26-TMS-023"),
    Also(
        "items that were there are no part of what was set",
        "set-scheduled-processing-parameters-sequence-added set-scheduled-station-*-added set-input-information-sequence-added",
        "CC26-TMS-013",
    ),
    Also("a sequence that is lost is not replaced", "set-*-sequence-lost", "CC26-TMS-015"),
    Also("an N-SET of the state, refused, changes nothing", "n-set-with-another-scheduled-changing", "CC26-TMS-018"),
    Also("who was subscribed globally, and then to the UPS, is not told", "subscribe-to-the-ups-without-lock-subscribed-without-lock-does-not-subscribe", "CC23-TMS-045"),
    Also("who finds nothing at an end finds nothing there by its meaning, nor by a range of one moment", "find-range-without-its-end find-range-without-its-start", "CC28-TMS-020 CC28-TMS-032"),
    Also("a new UPS is found once", "find-each-twice", "CC25-TMS-027"),
    Also("RO-62: identity and patient are not set", "set-changes-sop-class-uid set-changes-sop-instance-uid", "RO62-TMS-009"),
    Also("RO-62: identity and patient are not set", "set-changes-patient-name set-changes-patient-id", "RO62-TMS-010"),
    Also("RO-60: the claim", "claim-with-the-right-transaction-uid-scheduled-failing", "RO60-TMS-001"),
    Also("RO-60: the claim", "claim-with-the-right-transaction-uid-scheduled-without-effect", "RO60-TMS-006"),
    Also("RO-62: the update", "n-set-with-the-right-transaction-uid-in-progress-failing", "RO62-TMS-001 RO62-TMS-002"),
    Also("RO-65: the end", "complete-with-the-right-transaction-uid-in-progress-failing cancel-with-the-right-transaction-uid-in-progress-failing", "RO65-TMS-001"),
    Also("RO-65: the end", "complete-with-the-right-transaction-uid-in-progress-without-effect cancel-with-the-right-transaction-uid-in-progress-without-effect", "RO65-TMS-002"),
    Also("random sequences come to every cell of the table", "claim-with-the-right-transaction-uid-in-progress-success", "CC11-TMS-101"),
    Also("random sequences count event reports", "event-doubled", "CC11-TMS-102"),
    Also("random queries count what is found", "find-last-missing", "CC28-TMS-080"),
    Also("a round trip brings all items", "create-keeps-first-item-only", "CC25-TMS-033"),
    Also("an unknown UPS is refused through every class", "get-unknown-ups-granted", "CC27-TMS-016 CC27-TMS-017"),
    Also("nothing but what was asked for comes with what is not kept", "get-with-more", "CC27-TMS-008"),
    Also("nothing but what was asked for comes, through every class, and in items", "find-with-more find-with-more-in-items find-lock-always", "CC28-TMS-026 CC28-TMS-049 CC28-TMS-050"),
    Also(
        "a UPS that is still SCHEDULED answers otherwise than one IN PROGRESS",
        "claim-with-the-right-transaction-uid-scheduled-without-effect",
        "CC11-TMS-023 CC11-TMS-033 CC11-TMS-053 CC11-TMS-063 CC11-TMS-073 CC11-TMS-083 CC11-TMS-093",
    ),
    Also(
        "a UPS that is not there answers otherwise than one that is SCHEDULED",
        "n-create-no-ups-without-effect",
        "CC11-TMS-012 CC11-TMS-022 CC11-TMS-032 CC11-TMS-042 CC11-TMS-052 CC11-TMS-062 CC11-TMS-072 CC11-TMS-082 CC11-TMS-092",
    ),
    Also("a new subscriber is told the state", "subscribe-to-the-ups-without-lock-not-subscribed-without-initial-event", "CC24-TMS-015"),
    Also("who is not subscribed to a new UPS has no lock on it", "ups-created-global-with-lock-new-ups-does-not-subscribe", "CC23-TMS-040"),
    Also(
        "a UPS that is still IN PROGRESS answers otherwise than one that is COMPLETED",
        "complete-with-the-right-transaction-uid-in-progress-without-effect",
        "CC11-TMS-024 CC11-TMS-054 CC11-TMS-074 CC11-TMS-084 RO65-TMS-003 RO65-TMS-004 RO65-TMS-005 RO65-TMS-007 RO65-TMS-009",
    ),
    Also(
        "a UPS that is still IN PROGRESS answers otherwise than one that is CANCELED",
        "cancel-with-the-right-transaction-uid-in-progress-without-effect",
        "CC11-TMS-025 CC11-TMS-055 CC11-TMS-075 CC11-TMS-085 RO65-TMS-003 RO65-TMS-004 RO65-TMS-006 RO65-TMS-007 RO65-TMS-012",
    ),
    Also(
        "who cannot become Subscribed with Lock does not stay so",
        "subscribe-to-the-ups-with-lock-not-subscribed-does-not-subscribe",
        "CC23-TMS-011 CC23-TMS-023",
    ),
    Also(
        "each cell of Subscribed with Lock begins with the initial event of that subscription",
        "subscribe-to-the-ups-with-lock-not-subscribed-without-initial-event",
        "CC23-TMS-005 CC23-TMS-008 CC23-TMS-011 CC23-TMS-014 CC23-TMS-017 CC23-TMS-020 CC23-TMS-023",
    ),
    Also(
        "each cell of Subscribed w/o Lock begins with the initial event of that subscription",
        "subscribe-to-the-ups-without-lock-not-subscribed-without-initial-event",
        "CC23-TMS-006 CC23-TMS-009 CC23-TMS-012 CC23-TMS-015 CC23-TMS-018 CC23-TMS-021 CC23-TMS-024",
    ),
    Also("what is not answered cannot be looked at", "find-everything-fails", "CC28-TMS-045"),
    Also("each match has an identifier, through every class", "find-pending-without-identifier", "CC28-TMS-049 CC28-TMS-050"),
    Also("records and ion plans are not sent either", "ost-move-sends-nothing", "RO59-OST-016 RO59-OST-017"),
    Also(
        "an N-SET that is answered with success and not done",
        "n-set-with-the-right-transaction-uid-in-progress-without-effect",
        "CC26-TMS-008 CC26-TMS-012 CC26-TMS-013 CC26-TMS-015 CC26-TMS-016 CC26-TMS-019 CC26-TMS-020 CC26-TMS-021 CC26-TMS-023 CC26-TMS-026",
    ),
    Also(
        "an N-SET with the lock that is refused, done or not",
        "n-set-with-the-right-transaction-uid-in-progress-failing n-set-with-the-right-transaction-uid-in-progress-failing-but-done",
        "CC26-TMS-008 CC26-TMS-012 CC26-TMS-020 CC26-TMS-021 CC26-TMS-022 CC26-TMS-023 CC26-TMS-024 CC26-TMS-027 CC26-TMS-028 CC26-TMS-029",
    ),
    Also("progress that is refused is not shown", "n-set-with-the-right-transaction-uid-in-progress-failing", "RO62-TMS-003 RO62-TMS-004 RO62-TMS-014 RO62-TMS-017"),
    Also("what is refused changes nothing", "n-set-with-the-right-transaction-uid-in-progress-failing-but-done", "CC26-TMS-013 CC26-TMS-026"),
    Also("the final update changes nothing else", "ro64-final-update-completes", "RO64-TMS-008"),
    Also("what is refused is not stored", "ro64-final-update-refused", "RO64-TMS-004 RO64-TMS-005 RO64-TMS-006 RO64-TMS-103"),
    Also(
        "whoever is not answered with success knows nothing of the worklist", "find-ends-with-failure-for-a-tdd",
        "RO58-TMS-002 RO58-TMS-003 RO58-TMS-004 RO58-TMS-006 RO58-TMS-008 RO58-TMS-009 RO58-TMS-010 RO58-TMS-011 RO58-TMS-012 RO58-TMS-025",
    ),
    Also(
        "a workitem that does not come, or cannot be read, is not found",
        "find-ends-with-failure-for-a-tdd find-undecodable-for-a-tdd find-nothing-for-a-tdd",
        "RO58-TMS-003 RO58-TMS-014 RO58-TMS-015 RO58-TMS-016 RO58-TMS-017 RO58-TMS-018 RO58-TMS-019 RO58-TMS-021 RO58-TMS-022 RO58-TMS-023",
    ),
    Also("after a release Verification is what shows that it goes on", "tms-verification-refused", "NEG-TMS-011"),
    Also("after a release Verification is what shows that it goes on", "ost-verification-refused", "NEG-OST-011"),
    Also("an assignment that is not told does not say who", "event-assignment-missing", "CC24-TMS-141 CC24-TMS-142"),
    Also("a state that there is not, with the lock", "unknown-state-granted", "CC21-TMS-008"),
    Also("an action that there is not is refused", "unknown-action-granted", "CC21-TMS-010"),
    Also("an N-GET that leaves out what was asked for does not return it", "get-*-absent", "CC27-TMS-003"),
    Also("the label is what shows whether others come along, and whether a change is shown", "get-procedure-step-label-*", "CC27-TMS-008 CC27-TMS-015"),
    Also("a sequence that does not come does not come whole", "get-input-information-sequence-absent get-scheduled-workitem-code-sequence-* get-procedure-step-progress-information-sequence-absent get-unified-procedure-step-performed-procedure-sequence-absent", "CC27-TMS-006"),
    Also("a name beyond ASCII that does not come cannot be read", "get-patient-name-absent", "CC27-TMS-009"),
    Also("all attributes show what each alone shows", "get-all-in-progress-as-scheduled", "CC27-TMS-004"),
    # Event reports: what is waited for is known by its content, so what is not told, or not of this UPS, or cannot be
    # recognised, is missed by every test that waits for it, also for showing something else.
    Also(
        "a State Report that cannot be recognised tells no change, in no order, to nobody, and not at the start",
        "event-state-of-another-ups event-state-report-procedure-step-state-*",
        "CC24-TMS-001 CC24-TMS-002 CC24-TMS-006 CC24-TMS-012 CC24-TMS-013 CC24-TMS-014 CC24-TMS-015 CC24-TMS-016 CC24-TMS-021"
        " CC24-TMS-101 CC24-TMS-102 CC24-TMS-103 CC24-TMS-104",
    ),
    Also("nor that it is not ready any more", "event-state-of-another-ups", "CC24-TMS-003"),
    Also(
        "of every state but IN PROGRESS nothing true is told, in no order, and not at the start", "event-state-wrong",
        "CC24-TMS-001 CC24-TMS-002 CC24-TMS-006 CC24-TMS-012 CC24-TMS-015 CC24-TMS-016 CC24-TMS-102 CC24-TMS-103 CC24-TMS-104",
    ),
    Also(
        "IN PROGRESS is told neither on the way to CANCELED, nor in its order, nor to anybody, nor at the start",
        "event-in-progress-missing",
        "CC24-TMS-006 CC24-TMS-012 CC24-TMS-013 CC24-TMS-014 CC24-TMS-015 CC24-TMS-016 CC24-TMS-021",
    ),
    Also(
        "a final state is told neither in its order nor at the start, and has no content", "event-completed-missing",
        "CC24-TMS-012 CC24-TMS-015 CC24-TMS-016 CC24-TMS-101 CC24-TMS-102 CC24-TMS-103 CC24-TMS-104",
    ),
    Also("a final state is told neither at the end of a request nor at the start", "event-canceled-missing", "CC24-TMS-006 CC24-TMS-015 CC24-TMS-016"),
    Also("the first of all reports is that of its creation", "event-creation-missing", "CC24-TMS-012"),
    Also(
        "a request that is not told of this UPS has no content", "event-cancel-request-missing event-cancel-request-of-another-ups",
        "CC24-TMS-111 CC24-TMS-112 CC24-TMS-114 CC24-TMS-115 CC24-TMS-116",
    ),
    Also(
        "progress that is not told of this UPS has no order, no text and no content",
        "event-progress-missing event-progress-of-another-ups",
        "CC24-TMS-012 CC24-TMS-021 CC24-TMS-022 CC24-TMS-121 CC24-TMS-122 CC24-TMS-123 CC24-TMS-124",
    ),
    Also("what is not told has no command set", "event-progress-missing event-assignment-missing", "CC24-TMS-011"),
    Also("progress that is told of another UPS is not told of this one", "event-progress-of-another-ups", "CC24-TMS-007"),
    Also("progress without its sequence tells neither value nor text", "event-progress-report-progress-absent", "CC24-TMS-007 CC24-TMS-012 CC24-TMS-021 CC24-TMS-022 CC24-TMS-122 CC24-TMS-123 CC24-TMS-124"),
    Also("text beyond ASCII is that of a description", "event-progress-description-missing event-progress-report-progress-procedure-step-progress-description-another", "CC24-TMS-022"),
    Also("a description that is not that of the UPS", "event-progress-report-progress-procedure-step-progress-description-another", "CC24-TMS-122"),
    Also("progress that is held back is not told in time, with its text", "event-order-swapped", "CC24-TMS-007 CC24-TMS-021 CC24-TMS-022"),
    Also("also of UPS in other states, to a new global subscriber", "event-initial-always-scheduled", "CC24-TMS-016"),
    Also("a restart that is not told has no content and says nothing of what is kept", "event-restart-missing", "CC24-TMS-025 CC24-TMS-131 CC24-TMS-132 CC24-TMS-133"),
    Also("a restart is known by its SCP Status", "event-status-change-scpstatus-*", "CC24-TMS-025 CC24-TMS-132 CC24-TMS-133"),
    Also("of the two that were told of a UPS before a restart one is told of it afterwards", "event-to-one-receiver-only", "CC24-TMS-025"),
    Also("an assignment that is not told tells neither station nor performer", "event-assignment-missing event-assignment-of-performer-missing event-assigned-scheduled-station-name-code-*", "CC24-TMS-024"),
    Also(
        "an assignment of a station tells nothing else, so without it there is no event information: nothing is told",
        "event-assigned-scheduled-station-name-code-absent", "CC24-TMS-008 CC24-TMS-009 CC24-TMS-142",
    ),
    Also("a change of readiness is known by the readiness that is told", "event-state-report-input-readiness-state-*", "CC24-TMS-003"),
    Also("the order of progress is that of its values", "event-progress-report-progress-procedure-step-progress-another", "CC24-TMS-012"),
    Also("of two attributes that are set the second is not", "set-stores-the-first-only", "CC26-TMS-002 CC26-TMS-022 CC26-TMS-026"),
    Also("whoever never claimed a UPS that is IN PROGRESS has no lock", "create-in-progress", "CC25-TMS-021"),
    Also("empty keys are in most queries", "find-zero-length-is-no-value", "CC28-TMS-008 CC28-TMS-011 CC28-TMS-036 CC28-TMS-040"),
    Also(
        "what comes under another name did not come, and is not refused by its name",
        "tms-move-command-of-another-instance", "RO61-TMS-002 RO61-TMS-003 RO61-TMS-009 RO61-TMS-010 RO61-TMS-011 RO61-TMS-015",
    ),
    Also(
        "what comes under another name did not come, and is not refused by its name",
        "ost-move-command-of-another-instance",
        "RO59-OST-002 RO59-OST-003 RO59-OST-009 RO59-OST-010 RO59-OST-011 RO59-OST-015 RO59-OST-016 RO59-OST-017",
    ),
    Also("a record that is lost can be retrieved neither unchanged nor at all", "ost-record-lost", "RO63-OST-004 RO63-OST-006"),
    Also("a record that is refused can be retrieved neither unchanged nor at all", "ost-record-refused", "RO63-OST-003 RO63-OST-004 RO63-OST-006"),
    Also("more than was asked for is not as it was asked for", "tms-move-sends-another-too", "RO61-TMS-105 RO61-TMS-113 RO61-TMS-114"),
    Also("more than was asked for is not as it was asked for", "ost-move-sends-another-too", "RO59-OST-016 RO59-OST-017"),
    Also("what is sent twice is refused twice", "tms-move-sends-twice", "RO61-TMS-011"),
    Also("what is sent twice is refused twice", "ost-move-sends-twice", "RO59-OST-011 RO59-OST-016 RO59-OST-017"),
    Also("a plan is no delivery instruction", "tms-move-sends-a-plan-along", "RO61-TMS-101"),
    Also("what does not come cannot be all that comes", "tms-move-sends-nothing", "RO61-TMS-016"),
    Also(
        "a class that is refused is refused in every transfer syntax, and with many others",
        "tms-pull-refused", "NEG-TMS-007 NEG-TMS-008 NEG-TMS-011 NEG-TMS-014",
    ),
    Also("a class that is refused is refused in every transfer syntax", "tms-move-refused", "NEG-TMS-007 NEG-TMS-008"),
    Also("a class that is refused is refused in every transfer syntax, and with many others", "ost-move-refused", "NEG-OST-007 NEG-OST-008 NEG-OST-011"),
    Also("the order of progress is that of its values", "event-progress-report-progress-doubled event-progress-report-progress-empty", "CC24-TMS-012"),
    Also("who tries twice with a lock of his own has it the second time", "set-refusal-changes-the-lock", "CC26-TMS-022 CC26-TMS-024"),
    Also("who loses the lock to the second claim has not the right one", "second-claim-takes-over", "RO60-TMS-012"),
    Also("progress is shown as 100 at the end", "set-ignores-progress-100", "RO62-TMS-003"),
    Also("progress is shown by its value", "set-progress-off-by-one", "RO62-TMS-014"),
    Also("nothing of a UPS that is COMPLETED can be set", "set-progress-moves-to-completed", "RO62-TMS-005 RO62-TMS-006 RO62-TMS-008 RO62-TMS-009"),
    # Subscriptions.
    Also("who is to be told of new UPS is known by their initial events", "ups-created-global-without-lock-new-ups-without-initial-event", "CC23-TMS-037 CC23-TMS-039"),
    Also(
        "who is subscribed is known by being told of a claim",
        "event-state-report-procedure-step-state-* event-in-progress-missing",
        "CC23-TMS-002 CC23-TMS-003 CC23-TMS-004 CC23-TMS-005 CC23-TMS-006 CC23-TMS-007 CC23-TMS-008 CC23-TMS-009 CC23-TMS-010"
        " CC23-TMS-011 CC23-TMS-012 CC23-TMS-013 CC23-TMS-014 CC23-TMS-015 CC23-TMS-023 CC23-TMS-024 CC23-TMS-035 CC23-TMS-036"
        " CC23-TMS-037 CC23-TMS-041 CC23-TMS-042 CC23-TMS-045 CC23-TMS-047",
    ),
    Also(
        "and who keeps what, by being told of a new UPS and of a final state",
        "event-state-report-procedure-step-state-*",
        "CC23-TMS-039 CC23-TMS-040",
    ),
    Also(
        "who is told of another UPS is told neither of a claim nor at the start, and of others without being subscribed",
        "event-state-of-another-ups",
        "CC23-TMS-005 CC23-TMS-006 CC23-TMS-008 CC23-TMS-009 CC23-TMS-010 CC23-TMS-011 CC23-TMS-012 CC23-TMS-013 CC23-TMS-014"
        " CC23-TMS-015 CC23-TMS-017 CC23-TMS-018 CC23-TMS-020 CC23-TMS-021 CC23-TMS-023 CC23-TMS-024 CC23-TMS-035 CC23-TMS-036"
        " CC23-TMS-037 CC23-TMS-040 CC23-TMS-041 CC23-TMS-042 CC23-TMS-047",
    ),
    Also(
        "who is told of everything is told when not subscribed, not any longer, or not to this one",
        "event-to-strangers",
        "CC23-TMS-001 CC23-TMS-016 CC23-TMS-017 CC23-TMS-018 CC23-TMS-019 CC23-TMS-020 CC23-TMS-021 CC23-TMS-022 CC23-TMS-035"
        " CC23-TMS-038 CC23-TMS-039 CC23-TMS-041 CC23-TMS-042 CC23-TMS-046",
    ),
    Also("a label that is asked for comes without value in whatever character set, too", "find-zero-length-without-value", "CC28-TMS-053 CC28-TMS-061"),
    Also("an initial event of every UPS is an event of each", "subscribe-globally-with-lock-not-subscribed-without-initial-event", "CC24-TMS-016"),
    Also("who is subscribed globally to new UPS gets them until that ends", "ups-created-global-without-lock-new-ups-does-not-subscribe", "CC23-TMS-037 CC23-TMS-042"),
    Also("who stays subscribed is told", "unsubscribe-from-the-ups-subscribed-without-lock-subscribes", "CC23-TMS-022 CC23-TMS-039"),
    Also(
        "who is subscribed to every new UPS has no initial event of it afterwards, and is told of those that it should not be told of",
        "ups-created-no-global-subscription-new-ups-subscribes",
        "CC23-TMS-004 CC23-TMS-035 CC23-TMS-038 CC23-TMS-041 CC23-TMS-042 CC23-TMS-046",
    ),
    Also(
        "who cannot subscribe to a UPS is in no state to keep, and gets no reports to go on with",
        "subscribe-to-the-ups-without-lock-not-subscribed-does-not-subscribe",
        "CC23-TMS-015 CC23-TMS-024 CC23-TMS-035 CC23-TMS-036 CC23-TMS-047",
    ),
    Also("a filtered subscription subscribes to what is there as well", "subscribe-globally-without-lock-not-subscribed-does-not-subscribe", "CC23-TMS-041"),
    Also("a Receiving AE that is not there cannot be told to be unknown", "subscribe-the-sender", "CC23-TMS-032 CC23-TMS-034"),
    # What else a transaction that fails brings along.
    Also("RO-60: a claim that is refused is no claim, and who comes second comes first", "claim-with-the-right-transaction-uid-scheduled-failing", "RO60-TMS-004 RO60-TMS-005 RO60-TMS-006 RO60-TMS-007 RO60-TMS-012 RO60-TMS-015"),
    Also("RO-60: a claim without effect locks nothing, and who comes second comes first", "claim-with-the-right-transaction-uid-scheduled-without-effect", "RO60-TMS-004 RO60-TMS-005 RO60-TMS-007 RO60-TMS-012 RO60-TMS-015"),
    Also("RO-65: who is not COMPLETED can be updated and ended", "complete-with-the-right-transaction-uid-in-progress-failing", "RO65-TMS-002 RO65-TMS-003 RO65-TMS-004 RO65-TMS-005 RO65-TMS-007 RO65-TMS-009"),
    Also("RO-65: who is not CANCELED can be updated and ended", "cancel-with-the-right-transaction-uid-in-progress-failing", "RO65-TMS-002 RO65-TMS-003 RO65-TMS-004 RO65-TMS-006 RO65-TMS-007 RO65-TMS-012 RO65-TMS-013"),
    Also("RO-65: who needs nothing to complete needs no right Transaction UID", "completed-without-anything", "RO65-TMS-010 RO65-TMS-011"),
    Also("RO-62: what a refused N-SET brings is not set", "n-set-with-another-in-progress-changing n-set-without-one-in-progress-changing", "RO62-TMS-009"),
    Also("RO-63: a record that is not kept is not the one that was sent", "ost-keeps-no-earlier-record", "RO63-OST-004 RO63-OST-006"),
    Also("the lock that is shown is shown through every class", "n-get-returns-the-lock", "CC27-TMS-016 CC27-TMS-017"),
    Also("what is late is not the same for two", "get-one-change-late", "CC27-TMS-018"),
    Also("a class is a key as well", "create-as-ups-pull", "CC28-TMS-032"),
    Also("who looks at no state looks at no wild card in it", "find-state-ignored", "CC28-TMS-015"),
    Also("who counts twice counts twice after a cancel", "find-each-twice", "CC28-TMS-055"),
    Also("a match without identifier is none", "find-pending-without-identifier", "CC28-TMS-052"),
    Also("what is merged is not what was set, and what was set before is set twice", "set-merges-items set-twice-refused", "CC26-TMS-012"),
    Also("RO-62: an N-SET that changes the state does so to that of a UPS in progress", "set-changes-state", "RO62-TMS-019"),
    Also("the last may be the one that is looked for", "find-last-missing", "CC28-TMS-053 CC28-TMS-055 RO58-TMS-003 RO58-TMS-014 RO58-TMS-015 RO58-TMS-016 RO58-TMS-017 RO58-TMS-021"),
    Also("of two at once that create the same one has to be refused", "create-duplicate-granted", "CC25-TMS-022"),
    # Queries: what else one test or another asks by the same key.
    Also("an open range is a range by its meaning as well", "find-open-ranges-closed", "CC28-TMS-020"),
    Also("two keys of one item are two keys, and ask for the item that matches", "find-two-keys-of-an-item-nothing", "CC28-TMS-005 CC28-TMS-026"),
    Also("a UID that no UPS has matches nothing", "find-uid-alone-ignored", "CC28-TMS-044"),
    Also("what is no wild card is a value that no UPS has", "find-unknown-value-is-none", "CC28-TMS-015"),
    Also("a Code Meaning comes with the code", "find-station-by-scheme-too", "RO58-TMS-014"),
    Also("a whole sequence is asked for by the UID", "find-uid-ignored-by-a-tdd", "RO58-TMS-023"),
    Also("the query of a TDD names no patient", "find-patient-needed",
         "RO58-TMS-003 RO58-TMS-014 RO58-TMS-016 RO58-TMS-017 RO58-TMS-018 RO58-TMS-021 RO58-TMS-022 RO58-TMS-023"),
    Also("who asks for everything asks for what else is tested by it", "find-everything-fails", "CC28-TMS-038 CC28-TMS-040 CC28-TMS-042"),
    Also("a range of one moment ends and starts there in every zone", "find-range-without-its-end find-range-without-its-start", "CC28-TMS-021"),
    Also("a label that is empty is none that was sent", "create-leaves-worklist-label-empty", "CC25-TMS-003"),
    Also("of two at once the second replaces the first", "create-duplicate-replaces", "CC25-TMS-022"),
    Also("who has no global subscription any more is told of no new UPS", "unsubscribe-from-one-ends-the-global", "CC23-TMS-002 CC23-TMS-003"),
    Also("a UPS whose state is refused is not there", "create-refused-but-done", "CC25-TMS-018 CC25-TMS-019"),
    Also("whose UID does not come is known by no query", "ro58-sop-instance-absent ro58-sop-instance-empty", "RO58-TMS-004"),
    Also("a UPS that was claimed is not SCHEDULED for any query", "claimed-not-found", "CC28-TMS-047"),
    Also("how a query is adjusted is told by what it finds", "find-offsets-ignored find-date-times-as-text", "CC32-TMS-010"),
    Also("what an offset makes of a date-time it makes of both ends", "find-offsets-ignored", "CC32-TMS-011"),
    Also("an N-GET is under Watch whatever it asks for", "n-get-refused-under-watch", "CC27-TMS-017"),
    Also("of 2013 it is the only parameter, and without it there is none", "ro58-parameters-ccc001-absent", "RO58-TMS-116"),
)  # fmt: skip


# What tests of other modules, or in other scenarios, stand on: they fail when it is gone, though what they are for may be
# as it should; or they see by the way what the defect is made of.
SPOILED: tuple[Also, ...] = (
    Also("there is no UPS to judge by", "n-create-no-ups-failing n-create-no-ups-without-effect", "*"),
    Also("a UPS that was created is not SCHEDULED", "create-in-progress", "*"),
    Also("a UPS is looked at by N-GET under UPS Pull", "n-get-refused-under-pull", "*"),
    Also("a treatment begins with a claim", "claim-with-the-right-transaction-uid-scheduled-*", "CC2?-* RO6?-*"),
    Also("an N-SET is what a treatment is made of, and what has no final update cannot end", "n-set-* set-*", "CC11-TMS-053 CC11-TMS-083 CC2?-* RO6?-*"),
    Also("a final update is an N-SET like others, and what has it not cannot be COMPLETED", "ro64-*", "CC2?-* RO65-TMS-00?"),
    Also("a UPS is looked at by N-GET after what was done to it", "get-*", "CC11-TMS-0?1 CC11-TMS-053 CC2[12568]-* CC23-TMS-040 RO58-TMS-023 RO6?-*"),
    Also("extended negotiation is about what a query finds", "find-*", "CC32-TMS-002 CC32-TMS-009 CC32-TMS-01[01]"),
    Also("what was created or done is looked for by a query",
         "find-* claimed-not-found final-state-not-found ro58-sop-*",
         "CC25-TMS-026 CC26-TMS-017 CC28-TMS-047 CC31-TMS-004 CC31-TMS-005 CC31-TMS-009 NEG-TMS-014 RO60-TMS-007 RO62-TMS-009 RO65-TMS-003"),
    Also("what does not end has no final state to be looked at, and what says so is not believed",
         "cancel-with-the-right-* complete-with-the-right-* canceled-needs-more-than-a-reason",
         "CC21-TMS-00[1-59] CC22-TMS-006 CC23-TMS-040 CC24-TMS-00? CC24-TMS-01[2-6] CC24-TMS-10? CC26-TMS-009 CC27-TMS-013 CC28-TMS-047 RO65-*"),
    Also("an unknown action fails by its status", "unknown-action-another-failure", "CC21-TMS-010"),
    Also("a cancel request is answered, and reported", "request-cancel-*", "CC11-TMS-07? CC22-TMS-00? CC24-TMS-00[56] CC24-TMS-11?"),
    Also("a UPS that another creation replaced shows what the other was created with", "create-duplicate-replaces", "CC11-TMS-01?"),
    Also("what is lost at creation is neither shown nor found",
         "create-*-lost create-keeps-first-item-only create-leaves-worklist-label-empty", "CC27-TMS-001 CC27-TMS-003 CC28-TMS-02?"),
    Also("the class is one of the attributes that an N-SET must not change", "create-as-ups-pull", "CC26-TMS-017"),
    Also("the lock is looked for under every class", "n-get-refused-under-push", "CC27-TMS-016"),
    Also("no message may have the lock", "n-get-returns-the-lock*", "CC25-TMS-010"),
    Also("a report too many is in the way of the next", "event-doubled", "CC24-TMS-006 CC24-TMS-012"),
    Also("what is completed by its final update, or cannot have one, is not completed once more", "ro64-final-update-*", "CC11-TMS-053"),
    Also("who is subscribed unasked is told, and has no second initial event", "unsubscribe-globally-not-subscribed-subscribes",
         "CC24-TMS-014 CC24-TMS-016"),
    Also("what was not stored cannot be retrieved", "ost-record-*", "RO59-OST-016"),
    Also("what is not retrieved cannot be compared with what was stored", "ost-move-*", "RO63-OST-00[346]"),
    Also("a TDD whose query is refused gives up", "tdd-ro58-*", "RO58-TDD-001"),
    Also("a TDD without claim or instruction delivers nothing", "tdd-proposes-* tdd-ro61-refuses-the-class", "RO63-TDD-001 RO64-TDD-104 RO65-TDD-001"),
    Also("in a scenario that ends early the step that is late does not come", "tdd-claims-before-the-plan", "RO59-TDD-001"),
    Also("in a scenario that ends early the step that is late does not come", "tdd-progress-before-the-instruction", "RO61-TDD-001"),
    Also("in a scenario without a record to retrieve nothing is retrieved", "tdd-ro59-records-only", "RO59-TDD-001"),
    Also("its treatment is a final update without progress", "tdd-completes-what-was-refused", "RO62-TDD-001"),
    Also("a record refers to the plan that was retrieved", "tdd-no-plan tdd-ro59-records-only", "RO63-TDD-105"),
    Also("a continuation goes on where the treatment before ended", "tdd-begins-with-10", "RO62-TDD-004"),
    Also("the only update of a scenario is its first", "tdd-progress-after-the-final-update tdd-record-before-the-last-progress", "RO62-TDD-002"),
    Also("what no update says is not said at the end", "tdd-no-progress", "RO64-TDD-104 RO64-TDD-127"),
    Also("what does not end is not at 100, and has nothing performed", "tdd-no-end tdd-ro65-procedure-step-state-*", "RO64-TDD-103 RO64-TDD-104"),
    Also("what has no final update cannot be COMPLETED", "tdd-no-final-update tdd-ro64-performed-absent tdd-ro64-performed-empty", "RO65-TDD-001"),
    Also("another workitem has other inputs, or is none", "tdd-ro58-procedure-step-state-*", "RO59-TDD-002 RO59-TDD-004 RO60-TDD-001"),
    Also("a workitem without its UID cannot be claimed", "tdd-ro58-sop-instance-absent", "RO60-TDD-001 RO65-TDD-001"),
    Also("of two workitems only one is to be changed", "tdd-ro60-of-another tdd-ro62-of-another tdd-ro64-of-another tdd-ro65-of-another", "RO58-TDD-009"),
    Also("an end that is not reported is awaited in vain", "event-canceled-missing event-completed-missing", "CC23-TMS-040"),
    Also("who subscribes is told the state first", "event-state-*", "CC23-TMS-00? CC23-TMS-01? CC23-TMS-037 CC23-TMS-039 CC23-TMS-040"),
    Also("who asks is subscribed in place of another", "subscribe-the-sender", "CC24-TMS-013"),
    Also("a creation that is not reported is awaited in vain", "event-creation-missing", "CC23-*"),
    Also("who is not subscribed is told nothing", "ups-created-*-does-not-subscribe ups-created-*-without-initial-event subscribe-*-does-not-subscribe", "CC24-*"),
)  # fmt: skip


# What a defect violates or not, by what comes first.
RACES: tuple[Also, ...] = (
    Also("a C-CANCEL that comes too late ends nothing, and all matches have to come", "find-last-missing", "CC28-TMS-054"),
)


def may_violate(name: str) -> tuple[str, ...]:
    """Return the requirements that a defect with this name violates in some runs and not in others."""
    return tuple(requirement for one in RACES if fits(one, name) for requirement in one.requirements.split())


def spoiled(name: str) -> tuple[str, ...]:
    """Return what may fail elsewhere with a defect of this name, as patterns of requirement ids.

    Elsewhere are modules that have no test of what the defect violates, and other scenarios.
    """
    return tuple(pattern for one in SPOILED if fits(one, name) for pattern in one.requirements.split())


def fits(entry: Also, name: str) -> bool:
    """Whether an entry is about the defect with this name."""
    return any(fnmatchcase(name, pattern) for pattern in entry.names.split())


def also_violated(name: str) -> tuple[str, ...]:
    """Return what a defect with this name violates besides what it is made for."""
    return tuple(requirement for one in ALSO if fits(one, name) for requirement in one.requirements.split())
