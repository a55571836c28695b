"""The loopback model, asked by a client of the Messages API that trusts nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from core.testing.model_bodies import assistant, body, image, text, tool_result, tool_use
from palaver.testing.model import (
    Drop,
    Envelope,
    Fail,
    Hang,
    LoopbackModel,
    ModelRequest,
    Raw,
    Reply,
    Say,
    Think,
    Use,
    replies,
)

HEADERS = {"x-api-key": "key", "anthropic-version": "2023-06-01"}


class Caller:
    """A client of the Messages API that trusts nothing."""

    def __init__(self, model: LoopbackModel, http: aiohttp.ClientSession) -> None:
        self.model = model
        self.http = http

    async def post(
        self, data: Any, path: str = "/v1/messages", headers: Any = HEADERS
    ) -> tuple[int, str]:
        raw = data if isinstance(data, bytes) else json.dumps(data).encode()
        async with self.http.post(self.model.url + path, data=raw, headers=headers) as response:
            return response.status, await response.text()

    async def events(self, *messages: Any) -> list[dict[str, Any]]:
        status, said = await self.post(body(*messages))
        assert status == 200
        return [json.loads(line[6:]) for line in said.splitlines() if line.startswith("data: ")]


async def until_cut(response: aiohttp.ClientResponse) -> bytes:
    got = b""
    try:
        async for chunk in response.content.iter_any():
            got += chunk
    except aiohttp.ClientPayloadError:
        return got
    pytest.fail(f"the answer came whole: {got!r}")


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class TestTheServer:
    async def test_streams_text_so_that_the_deltas_add_up_exactly(
        self, http: aiohttp.ClientSession
    ) -> None:
        said = "Two  spaces,\n\na blank line and a trailing space "
        async with LoopbackModel(lambda _: Say(said, words_per_chunk=1)) as model:
            events = await Caller(model, http).events("hi")
        assert [event["type"] for event in events][:2] == ["message_start", "content_block_start"]
        assert [event["type"] for event in events][-3:] == [
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
        deltas = [event["delta"]["text"] for event in events if "content_block_d" in event["type"]]
        assert len(deltas) > 3
        assert "".join(deltas) == said
        assert events[-2]["delta"]["stop_reason"] == "end_turn"

    async def test_a_tool_call_is_streamed_as_json_and_stops_for_tool_use(
        self, http: aiohttp.ClientSession
    ) -> None:
        call = Use("Bash", {"command": "ls"})
        async with LoopbackModel(lambda _: [Think("hm"), "text", call]) as model:
            events = await Caller(model, http).events("hi")
        starts = [event["content_block"] for event in events if "content_block" in event]
        assert [block["type"] for block in starts] == ["thinking", "text", "tool_use"]
        assert starts[2]["id"] == call.id
        parts = [e["delta"]["partial_json"] for e in events if "partial_json" in e.get("delta", {})]
        assert json.loads("".join(parts)) == {"command": "ls"}
        assert events[-2]["delta"]["stop_reason"] == "tool_use"

    async def test_without_stream_the_reply_is_one_message(
        self, http: aiohttp.ClientSession
    ) -> None:
        envelope = Envelope(input_tokens=7, output_tokens=3, stop_reason="max_tokens")
        async with LoopbackModel(lambda _: ["whole", envelope]) as model:
            status, said = await Caller(model, http).post(body("hi", stream=False))
        message = json.loads(said)
        assert status == 200
        assert message["content"] == [{"type": "text", "text": "whole"}]
        assert message["stop_reason"] == "max_tokens"
        assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (7, 3)

    async def test_a_failure_before_the_first_byte_is_an_http_status(
        self, http: aiohttp.ClientSession
    ) -> None:
        limits = Envelope(headers={"anthropic-ratelimit-unified-status": "rejected"})
        script = replies([Fail(429, message="slow down", retry_after=2), limits])
        async with (
            LoopbackModel(script) as model,
            http.post(model.url + "/v1/messages", json=body("hi"), headers=HEADERS) as response,
        ):
            error = (await response.json())["error"]
            assert response.status == 429
            assert response.headers["retry-after"] == "2"
            assert response.headers["anthropic-ratelimit-unified-status"] == "rejected"
        assert error == {"type": "rate_limit_error", "message": "slow down"}

    async def test_a_failure_later_is_an_event_inside_the_open_block(
        self, http: aiohttp.ClientSession
    ) -> None:
        async with LoopbackModel(lambda _: ["begun", Fail(529, message="busy")]) as model:
            events = await Caller(model, http).events("hi")
        assert [e["type"] for e in events][-2:] == ["content_block_delta", "error"]
        assert events[-1]["error"] == {"type": "overloaded_error", "message": "busy"}

    async def test_drop_cuts_the_answer_after_what_was_said(
        self, http: aiohttp.ClientSession
    ) -> None:
        async with LoopbackModel(lambda _: ["begun", Raw(b"raw\n"), "more", Drop()]) as model:
            url = model.url + "/v1/messages"
            async with http.post(url, json=body("hi"), headers=HEADERS) as response:
                got = await until_cut(response)
        assert b"begun" in got
        assert b"raw\n" in got
        assert b"more" in got
        assert b"message_stop" not in got

    async def test_drop_alone_gives_no_answer_at_all(self, http: aiohttp.ClientSession) -> None:
        async with LoopbackModel(lambda _: Drop()) as model:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await Caller(model, http).post(body("hi"))

    async def test_leaving_ends_replies_that_hang(self, http: aiohttp.ClientSession) -> None:
        async with LoopbackModel(lambda _: ["begun", Hang()]) as model:
            call = asyncio.create_task(Caller(model, http).post(body("hi")))
            await model.wait_for_request()
            await asyncio.sleep(0.05)
            assert not call.done()
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(call, 5)

    async def test_a_client_that_leaves_frees_the_handler_and_is_no_problem(
        self, http: aiohttp.ClientSession
    ) -> None:
        freed = asyncio.Event()

        async def script(_: ModelRequest) -> Reply:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                freed.set()
                raise
            return "late"

        async with LoopbackModel(script) as model:
            call = asyncio.create_task(Caller(model, http).post(body("hi")))
            await model.wait_for_request()
            call.cancel()
            await asyncio.wait_for(freed.wait(), 5)
            model.script = lambda _: "fine"
            assert (await Caller(model, http).post(body("again")))[0] == 200
        assert model.problems == []

    async def test_serves_many_at_once_without_waiting_for_any(
        self, http: aiohttp.ClientSession
    ) -> None:
        async def script(asked: ModelRequest) -> Reply:
            if asked.prompt == "first":
                await model.wait_for_request(lambda other: other.prompt == "second")
            return asked.prompt

        async with LoopbackModel(script) as model:
            caller = Caller(model, http)
            first = asyncio.create_task(caller.events("first"))
            await model.wait_for_request(lambda asked: asked.prompt == "first")
            await asyncio.gather(first, caller.events("second"))
        assert [asked.prompt for asked in model.requests] == ["first", "second"]

    async def test_waiting_for_a_request_that_never_comes_times_out(self) -> None:
        async with LoopbackModel() as model:
            with pytest.raises(TimeoutError):
                await model.wait_for_request(timeout=0.05)

    async def test_has_no_address_before_it_runs_nor_afterwards(self) -> None:
        model = LoopbackModel()
        with pytest.raises(RuntimeError, match="async with"):
            _ = model.url
        async with model:
            assert model.url.startswith("http://127.0.0.1:")
        with pytest.raises(RuntimeError, match="async with"):
            _ = model.url

    async def test_a_taken_port_is_an_error(self) -> None:
        async with LoopbackModel() as model:
            port = int(model.url.rpartition(":")[2])
            with pytest.raises(OSError, match="address"):
                await LoopbackModel(port=port).__aenter__()

    async def test_counts_tokens_and_answers_a_probe_without_the_script(
        self, http: aiohttp.ClientSession
    ) -> None:
        async with LoopbackModel(replies(then=lambda _: pytest.fail("asked"))) as model:
            caller = Caller(model, http)
            counted = {"model": "claude-test", "messages": body("hello there")["messages"]}
            status, said = await caller.post(counted, "/v1/messages/count_tokens")
            assert (status, json.loads(said)["input_tokens"] > 3) == (200, True)
            assert (await caller.post(body("quota", max_tokens=1)))[0] == 200
            async with http.head(model.url + "/") as response:
                assert response.status == 200
        assert model.requests == []
        assert [asked.prompt for asked in model.side_requests] == ["quota"]
        assert model.problems == []


REFUSED: dict[str, tuple[Any, str]] = {
    "not JSON": (b"{", "not valid JSON"),
    "no object": ([], "JSON object"),
    "no model": ({**body("x"), "model": ""}, "model"),
    "no limit": ({**body("x"), "max_tokens": 0}, "max_tokens"),
    "no messages": (body(), "at least one message"),
    "unknown role": (body({"role": "tool", "content": "x"}), "role must be"),
    "blank text": (body([text(" ")]), "non-whitespace"),
    "empty text": (body(""), "must not be empty"),
    "no content": (body([]), "list of blocks"),
    "block without type": (body([{"text": "x"}]), "with a type"),
    "text without text": (body([{"type": "text"}]), "text.text: Field required"),
    "call not answered": (body("x", assistant(tool_use("a")), "y"), "without `tool_result`"),
    "call answered late": (
        body("x", assistant(tool_use("a")), "y", assistant(text("z")), [tool_result("a")]),
        "without `tool_result`",
    ),
    "result of no call": (body([tool_result("a")]), "unexpected `tool_use_id`"),
    "result given twice": (
        body("x", assistant(tool_use("a")), [tool_result("a")], [tool_result("a")]),
        "unexpected `tool_use_id`",
    ),
    "image of an unknown type": (body([image("image/svg+xml", "eA==")]), "media_type"),
    "image that is not base64": (body([image("image/png", "?")]), "not valid base64"),
}


class TestTheRules:
    @pytest.mark.parametrize("case", REFUSED)
    async def test_refuses_what_the_api_refuses_and_records_it(
        self, http: aiohttp.ClientSession, case: str
    ) -> None:
        data, reason = REFUSED[case]
        async with LoopbackModel() as model:
            answered, said = await Caller(model, http).post(data)
        assert answered == 400
        assert reason in json.loads(said)["error"]["message"]
        assert [problem for problem in model.problems if reason in problem]
        assert model.requests == []

    @pytest.mark.parametrize(
        "messages",
        [
            ("x", assistant(tool_use("a"), tool_use("b")), [tool_result("a"), tool_result("b")]),
            ("x", assistant(tool_use("a")), assistant(tool_use("b")),
             [tool_result("a")], [tool_result("b"), text("and more")]),
            ("x", {"role": "system", "content": []}, assistant(text("y")), "z"),
        ],
    )  # fmt: skip
    async def test_accepts_what_claude_code_sends(
        self, http: aiohttp.ClientSession, messages: tuple[Any, ...]
    ) -> None:
        async with LoopbackModel() as model:
            assert (await Caller(model, http).post(body(*messages)))[0] == 200
        assert model.problems == []

    async def test_refuses_a_caller_without_key_or_version(
        self, http: aiohttp.ClientSession
    ) -> None:
        async with LoopbackModel() as model:
            caller = Caller(model, http)
            no_key = await caller.post(body("x"), headers={"anthropic-version": "2023-06-01"})
            no_version = await caller.post(body("x"), headers={"x-api-key": "key"})
        assert (no_key[0], no_version[0]) == (401, 400)
        assert len(model.problems) == 2

    async def test_refuses_an_unknown_path(self, http: aiohttp.ClientSession) -> None:
        async with LoopbackModel() as model:
            status, said = await Caller(model, http).post(body("x"), "/v1/complete")
        assert status == 404
        assert json.loads(said)["error"]["type"] == "not_found_error"
        assert model.problems == ["404: no such endpoint: POST /v1/complete"]

    async def test_a_script_that_fails_is_told_and_fails_no_server(
        self, http: aiohttp.ClientSession
    ) -> None:
        def script(_: ModelRequest) -> Reply:
            raise KeyError("oops")

        async with LoopbackModel(script) as model:
            caller = Caller(model, http)
            assert (await caller.post(body("x")))[0] == 400
            model.script = lambda _: "fine"
            assert (await caller.post(body("x")))[0] == 200
        assert model.problems == ["the script failed: KeyError('oops')"]
