"""What --hostile judges: a system that is deaf afterwards, or beside many connections, is found; others are left alone."""

import socket
import threading

import pytest

from tdwii_conformance.dimse import Peer
from tdwii_conformance.engine import run
from tdwii_conformance.simulators.ost import OST

GIGABYTE, MOST = 1 << 28, 50
MODULE = "ost/test_upper_layer_ost.py"


class Between:
    """A system that passes connections on to another, and is deaf when it has had too much."""

    def __init__(self, behind):
        self.behind, self.open, self.deaf = behind, 0, False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=300)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            if self.deaf or self.open >= MOST:
                one.close()
            else:
                self.open += 1
                threading.Thread(target=self.carry, args=(one,), daemon=True).start()

    def carry(self, one):
        with one:
            if one.recv(1, socket.MSG_PEEK):  # who says nothing is not passed on
                self.converse(one)
        self.open -= 1

    def converse(self, one):
        with socket.create_connection(("127.0.0.1", self.behind)) as other:
            back = threading.Thread(target=self.pump, args=(other, one), daemon=True)
            back.start()
            self.pump(one, other)
            back.join()

    def pump(self, source, target):
        try:
            while octets := source.recv(1 << 16):
                self.deaf = self.deaf or int.from_bytes(octets[2:6], "big") > GIGABYTE
                target.sendall(octets)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("test_system", [True, False])
def test_who_is_deaf_afterwards_is_found_and_only_where_the_owner_has_agreed(tmp_path, test_system):
    with OST("OST", destinations={"TDD": Peer("TDD", "127.0.0.1", 9)}) as ost:
        between = Between(ost.peer.port)
        with between.listener:
            path = tmp_path / "sut.toml"
            path.write_text(
                f"[system]\nname = 'between'\ntest_system = {str(test_system).lower()}\n"
                f"[ost]\nae_title = 'OST'\nhost = '127.0.0.1'\nport = {between.port}\n[timeouts]\nnetwork = 1\n"
            )
            result = run([MODULE, "UL-OST-041", "UL-OST-042"], system=path, options=["--hostile"])
    judged = {one.requirement: one.verdict for one in result.verdicts if one.requirement in ("UL-OST-041", "UL-OST-042")}
    assert judged.keys() == {"UL-OST-041", "UL-OST-042"}, result.output
    bad = {one.requirement for one in result.verdicts if one.verdict == "warned"}
    assert bad == ({"UL-OST-041", "UL-OST-042"} if test_system else set()), result.output
