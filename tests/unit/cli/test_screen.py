"""Tables in a narrow window."""

from tdwii_conformance.cli.screen import say_table


def test_states_and_dates_are_not_folded_where_names_can_be(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    uid = "1.2.826.0.1.3680043.8.498." + "7" * 38
    row = ["IN PROGRESS", "2026-11-25 08:20", "Photon^Interrupted", "TDWII002", "Fraction 3", "FX1", "2 OST, 1 UPSSCP", uid]
    columns = ["State", "Start", "Patient", "ID", "Label", "Station", "Inputs", "Workitem"]
    say_table(columns, [row], whole=["Workitem"], steady=["State", "Start", "ID"])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    for value in ("IN PROGRESS", "2026-11-25 08:20", "TDWII002", uid):
        assert value in out
