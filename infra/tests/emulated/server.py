"""The emulator at some distance from Terraform, for hypercorn.

Where an answer comes within the millisecond, Terraform's HTTP client may not have noted yet that it has sent its request. It
then gives the connection up and asks again, for something that is there already. AWS is never that near.
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
