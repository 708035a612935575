"""The emulator behind some distance, for hypercorn: Terraform gets no answer before it has written its request down as sent.

Its HTTP client gives up a connection whose answer comes within the millisecond, while the request's writer still waits for a
processor, and asks again: what it creates is there already. AWS is never that near.
"""

import asyncio

from ministack.app import app as emulator

DISTANCE_S = 0.02


async def app(scope, receive, send):
    """As the emulator's own; Terraform's answers start later."""

    async def send_later(message):
        if message["type"] == "http.response.start":
            await asyncio.sleep(DISTANCE_S)
        await send(message)

    agent = dict(scope.get("headers", [])).get(b"user-agent", b"")
    await emulator(scope, receive, send_later if b"Terraform" in agent else send)
