"""Each reason why a requirement is not judged: it is said, and it is neither met nor violated."""

from tdwii_conformance.transcript.observation import ObservationWriter

TMS_TEST = "\n@SHALL\ndef test_it():\n    pass\n"


def test_actor_that_is_not_described(run, describe):
    ran = run(TMS_TEST, "--sut", describe(tms=False))
    assert (ran.verdicts, ran.reasons) == (
        {"test_it": "skipped"},
        {"test_it": "not described: no [tms] in the system's description"},
    )


def test_capability_that_is_not_supported(run, describe):
    test = "\n@pytest.mark.requirement('NEG-TMS-003')\ndef test_it():\n    pass\n"
    ran = run(test, "--sut", describe())
    assert (ran.verdicts, ran.reasons) == ({"test_it": "skipped"}, {"test_it": "not supported: push"})
    assert run(test, "--sut", describe(supports=["push"])).verdicts == {"test_it": "passed"}


def test_nothing_to_judge_by(run):
    ran = run("@SHALL\ndef test_it(judge):\n    judge(Judgement(not_judged='the sequence is not there'))")
    assert (ran.verdicts, ran.reasons) == ({"test_it": "skipped"}, {"test_it": "not judged: the sequence is not there"})


def test_skip_of_the_test_itself(run):
    ran = run("@SHALL\ndef test_it():\n    pytest.skip('not judged: no workitem')")
    assert (ran.verdicts, ran.reasons) == ({"test_it": "skipped"}, {"test_it": "not judged: no workitem"})


def test_skip_in_a_fixture(run):
    ran = run("@pytest.fixture\ndef needed():\n    pytest.skip('not judged: no lock')\n@SHALL\ndef test_it(needed):\n    pass")
    assert ran.reasons == {"test_it": "not judged: no lock"}


def test_actor_of_which_nothing_was_recorded(run, pytester):
    path = pytester.path / "one.jsonl"
    with ObservationWriter(path, {"actor": "TDD", "scenario": "x", "system": "Ours", "edition": "ti"}) as writer:
        writer.ended("")
    ran = run(TMS_TEST, "--transcript", path)
    assert ran.reasons == {"test_it": "not recorded: nothing of a TMS in --transcript"}


def test_requirement_of_another_edition_is_left_out(run):
    test = """
other = next(one.id for one in load_catalogue().values() if one.editions == ("2013",))
@pytest.mark.requirement(other)
def test_it():
    pass
"""
    ran = run(test)
    assert ran.verdicts == {}
    assert "1 deselected" in ran.out
    assert "1 test is deselected: of requirements of another edition of TDW-II than 'ti' (--edition)" in ran.out
    assert run(test, "--edition", "2013").verdicts == {"test_it": "passed"}
