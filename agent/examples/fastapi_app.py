"""A small local backend with FastAPI. Run it: uvicorn fastapi_app:app --port 8080"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response

from portcullis_agent import Agent, Settings
from portcullis_agent.asgi import LeaseMiddleware

agent = Agent(Settings.load())  # PORTCULLIS_URL, …, or what `portcullis-agent enrol` stored
orders: list[dict[str, Any]] = []


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    agent.start()  # heartbeats in a thread of their own
    yield
    agent.stop()


app = FastAPI(lifespan=lifespan)
app.add_middleware(
    LeaseMiddleware,
    agent=agent,
    # What guests and the owner need also while the site may not operate: finish what is open, and take their data.
    always_open=["/health", "GET /orders/**", "/orders/*/pay", "/orders/*/print", "/export/**", "/licence/check"],
)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/notices")
def notices(request: Request) -> list[str]:
    """What the till shows above its menu: that the licence ends soon, that the server was not reached, …"""
    return list(request.state.portcullis_verdict.notices)


@app.post("/orders", status_code=201)
def open_order() -> dict[str, Any]:
    orders.append({"id": len(orders) + 1, "paid": False})
    return orders[-1]


@app.get("/orders")
def list_orders() -> list[dict[str, Any]]:
    return orders


@app.post("/orders/{number}/pay")
def pay(number: int) -> dict[str, Any]:
    orders[number - 1]["paid"] = True
    return orders[number - 1]


@app.post("/licence/check")
def check_licence() -> dict[str, Any]:
    """The till's button "I have paid": ask the licence server now, and show what it says."""
    agent.check_now()
    return agent.verdict().as_dict()


@app.get("/export/orders.csv")
def export() -> Response:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "paid"])
    writer.writeheader()
    writer.writerows(orders)
    return Response(text.getvalue(), media_type="text/csv")
