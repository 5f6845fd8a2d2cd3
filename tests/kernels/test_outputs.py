"""The rules of outputs and their bounds, without a kernel."""

from __future__ import annotations

from jupyter_agent_ext.kernels.outputs import Outputs


def msg(msg_type, **content):
    return {"header": {"msg_type": msg_type}, "content": content}


def text(text, name="stdout"):
    return msg("stream", name=name, text=text)


def display(data, display_id=None, msg_type="display_data"):
    transient = {"display_id": display_id} if display_id else {}
    return msg(msg_type, data={"text/plain": data}, metadata={}, transient=transient)


def test_streams_merge_only_with_their_neighbour():
    outputs = Outputs()
    for part in (text("a"), text("b"), text("c", "stderr"), text("d")):
        outputs.add(part)
    assert [(o["name"], o["text"]) for o in outputs.to_json()] == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


def test_long_text_keeps_its_head_and_its_tail():
    outputs = Outputs(max_text=100)
    for n in range(1000):
        outputs.add(text(f"{n:04d} "))
    kept = outputs.to_json()[0]["text"]
    assert kept.startswith("0000 0001 ")
    assert kept.endswith("0998 0999 ")
    head, tail = kept.split("\n… ")[0], kept.split(" …\n")[1]
    assert f"… {5000 - len(head) - len(tail)} characters dropped …" in kept
    assert len(kept) < 200


def test_one_huge_piece_of_text_is_cut():
    outputs = Outputs(max_text=100)
    outputs.add(text("x" * 10_000 + "end"))
    kept = outputs.to_json()[0]["text"]
    assert kept.endswith("end")
    assert "… 9903 characters dropped …" in kept


def test_many_outputs_keep_the_first_and_the_last():
    outputs = Outputs(max_outputs=10)
    for n in range(100):
        outputs.add(display(str(n)))
    kept = outputs.to_json()
    assert [o["data"]["text/plain"] for o in kept[:5]] == ["0", "1", "2", "3", "4"]
    assert [o["data"]["text/plain"] for o in kept[6:]] == ["95", "96", "97", "98", "99"]
    assert kept[5]["name"] == "stderr"
    assert "90 outputs" in kept[5]["text"]


def test_large_outputs_are_bounded_by_their_bytes():
    outputs = Outputs(max_bytes=1000)
    for n in range(20):
        outputs.add(display(f"{n:02d}" + "x" * 198))
    kept = outputs.to_json()
    assert sum(len(o["data"]["text/plain"]) for o in kept if "data" in o) <= 1000
    assert kept[0]["data"]["text/plain"].startswith("00")
    assert kept[-1]["data"]["text/plain"].startswith("19")


def test_a_growing_stream_in_the_head_makes_room():
    outputs = Outputs(max_bytes=100, max_text=1000)
    outputs.add(display("first"))
    for _ in range(30):
        outputs.add(text("0123456789"))
    outputs.add(display("last"))
    kept = outputs.to_json()
    assert kept[0]["data"]["text/plain"] == "first"
    assert kept[-1]["data"]["text/plain"] == "last"
    assert any("dropped" in o.get("text", "") for o in kept)


def test_an_update_changes_every_display_of_its_id():
    outputs = Outputs()
    outputs.add(display("one", "id"))
    outputs.add(display("other"))
    outputs.add(display("one again", "id"))
    assert outputs.add(display("two", "id", "update_display_data")) is None
    assert outputs.add(display("nobody's", "unknown", "update_display_data")) is None
    assert [o["data"]["text/plain"] for o in outputs.to_json()] == ["two", "other", "two"]


def test_an_update_of_a_dropped_display_is_forgotten():
    outputs = Outputs(max_outputs=2)
    for n in range(5):
        outputs.add(display(str(n), f"id{n}"))
    outputs.add(display("new", "id2", "update_display_data"))
    assert "new" not in str(outputs.to_json())


def test_clearing_waits_for_the_next_output_if_asked():
    outputs = Outputs()
    outputs.add(text("a"))
    outputs.add(msg("clear_output", wait=True))
    assert outputs.to_json()[0]["text"] == "a"
    outputs.add(text("b"))
    assert outputs.to_json()[0]["text"] == "b"
    outputs.add(msg("clear_output", wait=False))
    assert outputs.to_json() == []


def test_what_arrives_is_returned_piece_by_piece():
    outputs = Outputs()
    outputs.add(text("a"))
    assert outputs.add(text("b")) == {"output_type": "stream", "name": "stdout", "text": "b"}
    assert outputs.add(msg("comm_msg", data={})) is None
