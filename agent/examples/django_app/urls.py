"""The pages of the small local backend with Django. The orders are in memory: a real one has a table."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from django_app.licence import agent

orders: list[dict[str, Any]] = []


def health(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


def notices(request: HttpRequest) -> HttpResponse:
    """What the till shows above its menu: that the licence ends soon, that the server was not reached, …"""
    return JsonResponse(request.META["portcullis.verdict"].notices, safe=False)


def list_or_open(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        orders.append({"id": len(orders) + 1, "paid": False})
        return JsonResponse(orders[-1], status=201)
    return JsonResponse(orders, safe=False)


def pay(request: HttpRequest, number: int) -> HttpResponse:
    orders[number - 1]["paid"] = True
    return JsonResponse(orders[number - 1])


def check_licence(request: HttpRequest) -> HttpResponse:
    """The till's button "I have paid": ask the licence server now, and show what it says."""
    agent.check_now()
    return JsonResponse(agent.verdict().as_dict())


def export(request: HttpRequest) -> HttpResponse:
    lines = ["id,paid", *(f"{order['id']},{order['paid']}" for order in orders)]
    return HttpResponse("\r\n".join(lines) + "\r\n", content_type="text/csv")


urlpatterns = [
    path("health", health),
    path("notices", notices),
    path("orders", list_or_open),
    path("orders/<int:number>/pay", pay),
    path("licence/check", check_licence),
    path("export/orders.csv", export),
]
