"""Queries, answers to requests, interrupts (floor 5)."""

from __future__ import annotations

from dataclasses import asdict

from .. import events as ev
from ..agent.log import SessionLog
from ..answers import Answer
from ..events import Event
from ..turns import Query, check_turn, is_settled
from .attachments import attach, check_query
from .base import AgentHandler, protected
from .bodies import AnswerBody, Done, QuickBody, RequestAnswered, TurnAccepted, TurnBody
from .streams import StreamingHandler, wants_stream
from .views import blob_url, turn_answer

IGNORED = "context.variables is ignored: the variables are read from the kernel."


class QuickHandler(StreamingHandler):
    """`POST quick`: one query, one answer."""

    @protected("execute", "turns")
    async def post(self) -> None:
        """Open or continue the session, run the turn, answer when it has ended or waits."""
        body = self.body(QuickBody)
        query = Query(check_query(body.query), body.id, None, body.mode, body.model)
        query.when = body.when
        attach(query, body.parts)
        context = body.context
        log = await self.manager.enter(
            self.owner, context.session_id, context.notebook_id, context.kernel_id
        )
        turn_id, seq = await self.manager.turns.start(log, query)
        notes = [] if context.variables is None else [IGNORED]
        if wants_stream(self.request.headers.get("Accept", "")):
            await self._stream_turn(log, turn_id, seq, notes)
            return
        settled = await log.wait_for(is_settled(turn_id), body.timeout)
        answer = turn_answer(log.session, turn_id, self._blobs(log), notes)
        self.answer(answer, 202 if not settled or answer.status == "paused" else 200)

    async def _stream_turn(self, log: SessionLog, turn_id: str, seq: int, notes: list[str]) -> None:
        settled = is_settled(turn_id)

        def is_last(event: Event) -> bool:
            if event.type == ev.TURN_ENDED and event.turn_id == turn_id:
                return True
            at_end = event.type == ev.SYNCED or event.seq == log.session.seq
            return at_end and settled(log.session)

        await self.stream(log, seq, is_last)
        answer = turn_answer(log.session, turn_id, self._blobs(log), notes)
        await self.send_last("answer", answer)

    def _blobs(self, log: SessionLog) -> str:
        return blob_url(self.base_url, log.session.session_id)


class TurnsHandler(AgentHandler):
    """`POST sessions/{id}/turns`."""

    @protected("execute", "turns")
    async def post(self, session_id: str) -> None:
        """Start or queue a turn and answer at once."""
        body = self.body(TurnBody)
        query = Query(check_query(body.query), body.id, body.parent, body.mode, body.model)
        query.when = body.when
        attach(query, body.parts)
        log = await self.manager.open_bound(self.key(session_id), body.kernel_id)
        turn_id, seq = await self.manager.turns.start(log, query)
        self.answer(TurnAccepted(session_id, turn_id, seq), 202)


class TurnHandler(AgentHandler):
    """`GET sessions/{id}/turns/{turn}`."""

    @protected("read", "sessions")
    async def get(self, session_id: str, turn_id: str) -> None:
        """Describe a turn as it stands."""
        log = await self.manager.peek(self.key(session_id))
        check_turn(log.session, turn_id)
        url = blob_url(self.base_url, session_id)
        self.answer(turn_answer(log.session, turn_id, url, []))


class RequestHandler(AgentHandler):
    """`POST sessions/{id}/requests/{rid}`."""

    @protected("execute", "turns")
    async def post(self, session_id: str, request_id: str) -> None:
        """Answer a request; the turn goes on. The same answer again changes nothing."""
        body = self.body(AnswerBody)
        log = await self.manager.open(self.key(session_id))
        answer = Answer(
            body.decision,
            str(self.current_user.username),
            body.answer,
            body.reason,
            body.arguments,
            body.args_hash,
            body.client_id,
            body.result,
            None if body.error is None else asdict(body.error),
        )
        request = await self.manager.turns.answer(log, request_id, answer)
        self.answer(RequestAnswered(request_id, request.turn_id, request.answer or {}))


class InterruptHandler(AgentHandler):
    """`POST sessions/{id}/interrupt`."""

    @protected("execute", "turns")
    async def post(self, session_id: str) -> None:
        """End the running or paused turn; `done` says whether there was one."""
        log = await self.manager.open(self.key(session_id))
        self.answer(Done(await self.manager.turns.interrupt(log)))


class CompactHandler(AgentHandler):
    """`POST sessions/{id}/compact`."""

    @protected("execute", "turns")
    async def post(self, session_id: str) -> None:
        """Replace older turns by a summary in what the model sees; the log keeps all."""
        log = await self.manager.open(self.key(session_id))
        self.answer(Done(await self.manager.turns.compact(log)))


default_handlers = [
    (r"/agent/quick", QuickHandler),
    (r"/agent/sessions/([^/]+)/turns", TurnsHandler),
    (r"/agent/sessions/([^/]+)/turns/([^/]+)", TurnHandler),
    (r"/agent/sessions/([^/]+)/requests/([^/]+)", RequestHandler),
    (r"/agent/sessions/([^/]+)/interrupt", InterruptHandler),
    (r"/agent/sessions/([^/]+)/compact", CompactHandler),
]
