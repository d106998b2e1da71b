"""What an event does to subscriptions, as the subscription table has it [CC.2.3 table CC.2.3-2], without a worklist."""

import pytest

from tdwii_conformance.ups.subscriptions import FILTERED, GLOBAL, Subscription, Subscriptions

A, B = "WATCHER-A", "WATCHER-B"
ONE, TWO = "1.2.3.1", "1.2.3.2"
NOT, LOCKED, UNLOCKED = "Not Subscribed", "Subscribed with Lock", "Subscribed w/o Lock"


def to(uid, lock, ae=A, keys=b""):
    return Subscription(ae, uid, lock, keys)


def everything(effect):
    return effect.made, effect.ended, effect.initial_events


KEPT = [
    to(GLOBAL, True),
    to(FILTERED, False, B, b"k"),
    to(FILTERED, True, B, b"l"),
    to(ONE, True),
    to(ONE, False, B),
    to(TWO, False),
]


@pytest.fixture
def kept():
    return Subscriptions(KEPT)


def test_what_is_kept_is_there(kept):
    assert list(kept) == KEPT
    assert [kept.state(ae, uid) for ae, uid in ((A, ONE), (B, ONE), (A, TWO), (B, TWO), ("C", ONE), (A, "1.9"))] == [
        LOCKED, UNLOCKED, UNLOCKED, NOT, NOT, NOT,
    ]  # fmt: skip
    assert (kept.global_state(A), kept.global_state(B)) == ("Global with Lock", "No Global Subscription")
    assert Subscriptions([to(GLOBAL, False)]).global_state(A) == "Global w/o Lock"
    assert (kept.of(ONE), kept.of(TWO), kept.of("1.9")) == ((A, B), (A,), ())
    assert (kept.locked(ONE), kept.locked(TWO), kept.locked("1.9")) == (True, False, False)


@pytest.mark.parametrize(
    ("subscriptions", "aes"),
    [([], ()), ([to(ONE, False)], (A,)), ([to(FILTERED, False, B, b"k"), to(GLOBAL, True)], (A, B)), (KEPT, (A, B))],
)
def test_everybody(subscriptions, aes):
    subscribed = Subscriptions(subscriptions)
    assert subscribed.everybody() == aes
    for one in subscriptions:
        subscribed.apply(type(subscribed.deleted(""))(ended=[one]))
    assert subscribed.everybody() == ()
    assert list(subscribed) == []


def test_what_was_not_there_can_end(kept):
    kept.apply(
        type(kept.deleted(""))(
            ended=[to(GLOBAL, True, "C"), to(FILTERED, True, "C", b"k"), to("1.9", True), to(ONE, True, "C"), to(TWO, True, B)]
        )
    )
    assert list(kept) == KEPT


def test_a_change_takes_the_place_of_what_was(kept):
    kept.apply(type(kept.deleted(""))(ended=[to(ONE, True)], made=[to(ONE, False), to(GLOBAL, False), to(FILTERED, True, B, b"k")]))
    assert (kept.state(A, ONE), kept.global_state(A)) == (UNLOCKED, "Global w/o Lock")
    assert [one.lock for one in kept if one.target == FILTERED] == [True, True]
    assert kept.of(ONE) == (B, A)


@pytest.mark.parametrize("lock", [True, False])
@pytest.mark.parametrize("uid", [ONE, TWO, "1.9"])
def test_subscribing_to_one_tells_its_state(kept, uid, lock):
    made = [] if to(uid, lock) in kept else [to(uid, lock)]
    assert everything(kept.subscribe(A, uid, lock)) == (made, [], [(A, uid)])


@pytest.mark.parametrize(("ae", "uid", "ended"), [(A, ONE, [to(ONE, True)]), (B, ONE, [to(ONE, False, B)]), (B, TWO, [])])
def test_unsubscribing_from_one(kept, ae, uid, ended):
    assert everything(kept.unsubscribe(ae, uid)) == ([], ended, [])


@pytest.mark.parametrize("lock", [True, False])
def test_subscribing_globally(kept, lock):
    # It has ONE already, which stays as it is; without lock no present state is told (A21).
    expected = ([to(GLOBAL, lock, B), to(TWO, lock, B)], [], [(B, TWO)] if lock else [])
    assert everything(kept.subscribe_globally(B, lock, [ONE, TWO])) == expected
    assert everything(kept.subscribe_globally(B, lock, [], b"m")) == ([to(FILTERED, lock, B, b"m")], [], [])


def test_unsubscribing_globally_ends_all_of_an_ae(kept):
    made, ended, told = everything(kept.unsubscribe_globally(A))
    assert (made, told, ended[0]) == ([], [], to(GLOBAL, True))
    assert sorted(ended[1:], key=lambda one: one.target) == [to(ONE, True), to(TWO, False)]
    assert everything(kept.unsubscribe_globally(B))[1] == [
        to(FILTERED, False, B, b"k"),
        to(FILTERED, True, B, b"l"),
        to(ONE, False, B),
    ]
    assert everything(kept.unsubscribe_globally("C")) == ([], [], [])


@pytest.mark.parametrize(("fitting", "more"), [({(b"l", ONE)}, [to(ONE, False, B)]), ({(b"k", TWO)}, []), (set(), [])])
def test_unsubscribing_the_filtered_ends_what_they_match(kept, fitting, more):
    effect = kept.unsubscribe_filtered(B, lambda keys, uid: (keys, uid) in fitting)
    assert everything(effect) == ([], [to(FILTERED, False, B, b"k"), to(FILTERED, True, B, b"l"), *more], [])
    assert everything(kept.unsubscribe_filtered(A, lambda keys, uid: True)) == ([], [], [])
    assert everything(kept.unsubscribe_filtered("C", lambda keys, uid: True)) == ([], [], [])


def test_suspending(kept):
    assert everything(kept.suspend(A)) == ([], [to(GLOBAL, True)], [])
    assert everything(kept.suspend(A, filtered_only=True)) == ([], [], [])
    filters = [to(FILTERED, False, B, b"k"), to(FILTERED, True, B, b"l")]
    assert everything(kept.suspend(B)) == everything(kept.suspend(B, filtered_only=True)) == ([], filters, [])


def test_a_ups_that_is_no_more(kept):
    assert everything(kept.deleted(ONE)) == ([], [to(ONE, True), to(ONE, False, B)], [])
    assert everything(kept.deleted("1.9")) == ([], [], [])


@pytest.mark.parametrize(
    ("subscriptions", "fitting", "made"),
    [
        ([], (b"k",), []),
        ([to(GLOBAL, True)], (), [to(ONE, True)]),
        ([to(GLOBAL, False)], (), [to(ONE, False)]),
        ([to(FILTERED, True, B, b"k")], (b"k",), [to(ONE, True, B)]),
        ([to(FILTERED, True, B, b"k")], (b"l",), []),
        ([to(FILTERED, True, B, b"k"), to(FILTERED, False, B, b"l")], (b"l",), [to(ONE, False, B)]),
        # A plain global subscription covers every UPS, and says whether there is a lock.
        ([to(FILTERED, True, A, b"k"), to(GLOBAL, False)], (b"k",), [to(ONE, False)]),
        ([to(GLOBAL, True), to(FILTERED, False, B, b"k")], (b"k",), [to(ONE, False, B), to(ONE, True)]),
    ],
)
def test_a_new_ups_is_for_those_who_want_it(subscriptions, fitting, made):
    effect = Subscriptions(subscriptions).created(ONE, lambda keys: keys in fitting)
    assert everything(effect) == (made, [], [(one.ae, ONE) for one in made])
