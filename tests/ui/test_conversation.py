"""The first conversation, with the embedded model and a real kernel."""

from __future__ import annotations


def test_the_conversation_of_a_first_visit(lab, open_page):
    person = open_page("analysis.ipynb")
    person.set_mode("auto")
    person.ask("Load sales.csv")
    answer = person.answered(1)
    assert "sales.csv" in answer
    person.ask("What columns does the data have?")
    assert "revenue" in person.answered(2)
