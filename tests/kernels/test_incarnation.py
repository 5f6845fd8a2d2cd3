"""Restarts seen in headers, told by events, or both, in either order."""

from __future__ import annotations

import pytest

from jupyter_agent_ext.kernels.incarnation import Incarnation


def msg(session, parent=None):
    return {"header": {"session": session}, "parent_header": {"session": parent} if parent else {}}


class Process:
    """A kernel's process number as its provisioner gives it."""

    def __init__(self, number):
        self.number = number

    def __call__(self):
        return self.number


@pytest.fixture(params=[True, False], ids=["with pid", "without pid"])
def process(request):
    return Process(1 if request.param else None)


def restart(process):
    if process.number is not None:
        process.number += 1


def test_an_event_before_the_first_message_of_the_new_process(process):
    incarnation = Incarnation(process)
    assert incarnation.look(msg("a")) == "present"
    restart(process)
    assert incarnation.told(dead=False)
    assert incarnation.look(msg("a")) == "former"
    assert incarnation.look(msg("b")) == "present"
    assert incarnation.session == "b"


def test_a_message_of_the_new_process_before_the_event(process):
    incarnation = Incarnation(process)
    incarnation.look(msg("a"))
    restart(process)
    assert incarnation.look(msg("b")) == "new"
    assert not incarnation.told(dead=False)
    assert incarnation.look(msg("b")) == "present"
    assert incarnation.look(msg("a")) == "former"


def test_two_restarts_before_anything_was_heard(process):
    incarnation = Incarnation(process)
    incarnation.look(msg("a"))
    for _ in range(2):
        restart(process)
        assert incarnation.told(dead=False)
    assert incarnation.look(msg("a")) == "former"
    assert incarnation.look(msg("c")) == "present"


def test_an_event_after_a_death_is_always_a_new_process(process):
    incarnation = Incarnation(process)
    incarnation.look(msg("a"))
    assert incarnation.told(dead=True)


def test_kernels_that_echo_their_clients_session_do_not_restart(process):
    incarnation = Incarnation(process)
    for client in ("one", "two", "one"):
        assert incarnation.look(msg(client, parent=client)) == "present"
    assert incarnation.session is None
