"""F-http: the gateway's HTTP server before a bare grpc.aio echo. No database, no checks, bytes in and out.

`floor_http.py echo PORT` is the echo, `floor_http.py http PORT ECHO_PORT` the HTTP server.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc
from granian.constants import Interfaces
from granian.server.embed import Server

METHOD = "/floor.Echo/Echo"


async def echo(port: int) -> None:
    async def serve(request: bytes, _context: Any) -> bytes:
        return request

    handler: Any = grpc.unary_unary_rpc_method_handler(serve)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("floor.Echo", {"Echo": handler}),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


async def serve_http(port: int, echo_port: int) -> None:
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{echo_port}")
    call: Any = channel.unary_unary(METHOD)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = (await receive()).get("body", b"")
        answer = await call(body or scope["path"].encode())
        length = str(len(answer)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    server = Server(
        app,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        websockets=False,
        backlog=1024,
        log_enabled=False,
    )
    await server.serve()


if __name__ == "__main__":
    ports = [int(text) for text in sys.argv[2:]]
    asyncio.run(echo(*ports) if sys.argv[1] == "echo" else serve_http(*ports))
