"""What `%agent` takes, whose session it speaks to, and what it leaves in the cell."""

from __future__ import annotations

import pytest

from tests.magic.conftest import results, scripted
from tests.scripted_model import LITELLM_WARNINGS, Text

pytestmark = LITELLM_WARNINGS

ODD_TEXTS = [
    "what is {x}, {{y}} or {not closed",
    "what's \"this\" and what isn't?",
    "is `a[0]` (or b",
    "how many rows are there?",
    "explain \"\"\" and ''' and # this",
    r"a \ in C:\new\table, \u00e9 and $HOME",
    "naïve 数据 🙂 – what?",
    "!ls %time ??",
]


@pytest.fixture
def agent_config(scripted_model):
    scripted_model.respond(lambda asked: [Text("The answer.")])
    return scripted(scripted_model)


async def test_the_first_cell_of_a_fresh_kernel_may_ask(typist, logbook):
    ran = await typist.run("%agent what is there?")
    assert ran.status == "ok"
    assert ran.markdown == "The answer."
    (turn,) = await logbook.turns()
    assert (turn.query, turn.surface, turn.status) == ("what is there?", "magic", "completed")


async def test_text_is_taken_as_it_is_written(typist, logbook):
    await typist.run("x = 'expanded'; y = 1")
    for text in ODD_TEXTS:
        assert (await typist.run(f"%agent {text}")).status == "ok"
        assert (await typist.run(f"%%agent\n{text}\n  {text}\n\n%%agent")).status == "ok"
        assert (await typist.run(f"if y:\n    %agent {text}\nz = 1")).status == "ok"
    asked = [turn.query for turn in await logbook.turns()]
    expected = [query for t in ODD_TEXTS for query in (t, f"{t}\n  {t}\n\n%%agent", t)]
    assert asked == expected


async def test_it_speaks_to_the_session_that_rest_speaks_to(typist, api, notebook, logbook):
    await api.quick("From REST", notebook=notebook)
    await typist.run("%agent From the cell")
    await api.quick("From REST again", notebook=notebook)
    (session,) = await logbook.sessions()
    assert [turn.query for turn in session.path()] == [
        "From REST",
        "From the cell",
        "From REST again",
    ]
    assert session.kernel_id == typist.kernel_id


async def test_new_begins_a_session_and_session_goes_back_to_one(typist, logbook):
    await typist.run("%agent --session first one")
    await typist.run("%agent --new two")
    await typist.run("%agent three")
    await typist.run("%%agent --session=first\nfour")
    first, second = await logbook.sessions()
    assert first.session_id == "first"
    assert [turn.query for turn in first.path()] == ["one", "four"]
    assert [turn.query for turn in second.path()] == ["two", "three"]


async def test_options_choose_the_model_the_mode_and_the_variables(typist, logbook, scripted_model):
    await typist.run("df = [1]; x = 2")
    ran = await typist.run(
        "%agent --model embedded --mode read-only --var df --var x what variables are there?"
    )
    assert "`df`" in ran.markdown
    (turn,) = await logbook.turns()
    assert (turn.model, turn.mode) == ("embedded", "read-only")
    ran = await typist.run("%agent --var df -- --not an option")
    assert ran.status == "ok"
    assert "`df`" in scripted_model.requests[-1].last_user_text
    assert (await logbook.turns())[-1].query == "--not an option"


async def test_into_puts_the_answer_into_a_variable_and_quiet_shows_nothing(typist):
    ran = await typist.run("%agent --quiet --into answer what is it?")
    assert ran.outputs == []
    assert await typist.value("answer") == "'The answer.'"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("%agent", "needs a question"),
        ("%agent --new", "needs a question"),
        ("%agent --modle x y", "did you mean --mode"),
        ("%agent --mode all y", "invalid choice"),
        ("%agent --into 2x y", "no name of a variable"),
        ("%agent --session", "needs a value"),
    ],
)
async def test_wrong_options_are_explained_and_ask_nobody(typist, logbook, line, complaint):
    ran = await typist.run(line)
    assert ran.reply["ename"] == "UsageError"
    assert complaint in ran.error
    assert await logbook.sessions() == []


async def test_help_lists_the_options(typist):
    ran = await typist.run("%agent --help")
    for option in ("--session", "--new", "--model", "--mode", "--var", "--into", "--quiet"):
        assert option in ran.printed
    for code in ("%agent?", "%%agent?"):
        reply = (await typist.run(code)).reply
        assert "Ask the agent" in str(reply["payload"])


async def test_a_session_of_another_kernel_is_out_of_reach(
    typist, api, open_notebook, make_notebook, logbook
):
    other = await open_notebook(make_notebook("other.ipynb", "1"))
    await api.quick("Mine", notebook="other.ipynb", context={"session_id": "theirs"})
    ran = await typist.run("%agent --session theirs what do you know?")
    assert ran.reply["ename"] == "AgentTurnError"
    assert "no session 'theirs'" in ran.error
    assert other.kernel_id != typist.kernel_id
    sessions = {session.session_id: session for session in await logbook.sessions()}
    assert len(sessions["theirs"].path()) == 1


async def test_variables_are_read_while_the_magic_runs(typist, scripted_model, logbook):
    code = "import pandas as pd\ndf = pd.DataFrame({'price': [1.5, 2.5]})\nearly = 1\n"
    await typist.run(f"{code}%agent what is there?")
    (asked,) = scripted_model.requests
    assert '"early"' in asked.last_user_text
    assert '"price"' in asked.last_user_text
    assert '"source":"main"' in asked.last_user_text
    (session,) = await logbook.sessions()
    assert set(session.variables) == {"pd", "df", "early"}


async def test_a_cell_that_blocks_lends_its_thread_to_the_reading(typist, scripted_model):
    code = "import pandas as pd\ndf = pd.DataFrame({'price': [1.5, 2.5]})\n"
    ran = await typist.run(f"{code}def ask():\n    %agent what is there?\nask()")
    assert ran.markdown == "The answer."
    assert '"source":"main"' in scripted_model.requests[0].last_user_text


async def test_other_magics_may_wrap_it(typist, logbook):
    ran = await typist.run("%%time\n%agent wrapped?")
    assert ran.status == "ok"
    assert "The answer." in ran.markdown
    await typist.run("%%capture kept\n%agent captured?")
    assert await typist.value("'The answer.' in str(kept.outputs[-1].data)") == "True"
    assert [turn.query for turn in await logbook.turns()] == ["wrapped?", "captured?"]


async def test_a_cell_may_ask_several_times_and_without_autoawait(typist, logbook):
    ran = await typist.run("%agent one?\nfor n in (2, 3):\n    %agent more?\n%agent four?")
    assert ran.status == "ok", ran.error
    assert [o["data"]["text/plain"] for o in ran.answers] == ["The answer."] * 4
    await typist.run("%autoawait off")
    ran = await typist.run("%%agent\nfive?")
    assert ran.markdown == "The answer."
    asked = [turn.query for turn in await logbook.turns()]
    assert asked == ["one?", "more?", "more?", "four?", "five?"]


async def test_load_ext_is_not_needed_but_works(typist, logbook):
    ran = await typist.run("%load_ext jupyter_agent_ext\n%reload_ext jupyter_agent_ext")
    assert ran.status == "ok"
    assert (await typist.run("%agent still here?")).markdown == "The answer."
    assert [turn.query for turn in await logbook.turns()] == ["still here?"]
    assert results((await logbook.turns())[0]) == []
