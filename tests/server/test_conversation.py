"""The conversation of the mission, over REST, with the embedded model on a real kernel."""

from __future__ import annotations


async def test_a_conversation_about_the_live_notebook(api, open_notebook):
    person = await open_notebook()

    status, first = await api.quick("Load sales.csv")
    assert (status, first["status"]) == (200, "completed"), first
    assert (await person.run("assert df.shape[0] > 900"))["status"] == "ok"
    assert "df" in first["variables"]

    status, second = await api.quick("What columns are there?")
    assert status == 200, second
    assert second["session_id"] == first["session_id"]
    assert "price" in second["response"]
    assert not any(step["calls"] for step in second["steps"]), "answered without running code"

    status, third = await api.quick("Create a histogram of price")
    assert status == 200, third
    pieces = [p for s in third["steps"] for c in s["calls"] for p in c["content"]]
    images = [p for p in pieces if p["type"] == "image"]
    assert images, third

    reply = await person.run("df = df.drop(columns=['price'])")
    assert reply["status"] == "ok"
    status, fourth = await api.quick("What columns are there?")
    assert status == 200, fourth
    assert "region" in fourth["response"]
    assert "df" in fourth["changed"].get("rebound", [])

    status, info = await api.get("sessions", first["session_id"])
    assert (status, info["turn_count"], info["notebook_id"]) == (200, 4, "analysis.ipynb")
    assert "df" in info["variables"]

    status, told = await api.get("sessions", first["session_id"], "history")
    assert status == 200
    assert [m["content"] for m in told["history"] if m["role"] == "user"] == [
        "Load sales.csv",
        "What columns are there?",
        "Create a histogram of price",
        "What columns are there?",
    ]
