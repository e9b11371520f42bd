"""A small local backend with Flask. Run it: gunicorn --bind 127.0.0.1:8080 flask_app:app"""

from __future__ import annotations

import atexit
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from portcullis_agent import Agent, Settings
from portcullis_agent.wsgi import LeaseMiddleware

agent = Agent(Settings.load())  # PORTCULLIS_URL, …, or what `portcullis-agent enrol` stored
agent.start()  # gunicorn imports this in each worker, after the fork; with --preload, call it in post_fork instead
atexit.register(agent.stop)

app = Flask(__name__)
app.wsgi_app = LeaseMiddleware(  # type: ignore[method-assign]
    app.wsgi_app,
    agent=agent,
    # What guests and the owner need also while the site may not operate: finish what is open, and take their data.
    always_open=[
        "/health",
        "GET /orders/**",
        "/orders/*/pay",
        "/orders/*/print",
        "/export/**",
        "/static/**",
        "/licence/check",
    ],
)
orders: list[dict[str, Any]] = []


@app.get("/health")
def health() -> ResponseReturnValue:
    return {"status": "ok"}


@app.get("/notices")
def notices() -> ResponseReturnValue:
    """What the till shows above its menu: that the licence ends soon, that the server was not reached, …"""
    return jsonify(request.environ["portcullis.verdict"].notices)


@app.post("/orders")
def open_order() -> ResponseReturnValue:
    orders.append({"id": len(orders) + 1, "paid": False})
    return orders[-1], 201


@app.get("/orders")
def list_orders() -> ResponseReturnValue:
    return jsonify(orders)


@app.post("/orders/<int:number>/pay")
def pay(number: int) -> ResponseReturnValue:
    orders[number - 1]["paid"] = True
    return orders[number - 1]


@app.post("/licence/check")
def check_licence() -> ResponseReturnValue:
    """The till's button "I have paid": ask the licence server now, and show what it says."""
    agent.check_now()
    return jsonify(agent.verdict().as_dict())


@app.get("/export/orders.csv")
def export() -> ResponseReturnValue:
    lines = ["id,paid", *(f"{order['id']},{order['paid']}" for order in orders)]
    return "\r\n".join(lines) + "\r\n", {"Content-Type": "text/csv"}
