from django.urls import re_path

from accounts.api import views
from accounts.api.access_requests import RegisterView, RequestAccessView
from accounts.api.google import GoogleSignInView

urlpatterns = [
    re_path(r"^login/?$", views.LoginView.as_view(), name="login"),
    re_path(r"^google/?$", GoogleSignInView.as_view(), name="google"),
    re_path(r"^refresh/?$", views.RefreshView.as_view(), name="refresh"),
    re_path(r"^logout/?$", views.LogoutView.as_view(), name="logout"),
    re_path(r"^me/?$", views.MeView.as_view(), name="me"),
    re_path(r"^request-access/?$", RequestAccessView.as_view(), name="request-access"),
    re_path(r"^register/?$", RegisterView.as_view(), name="register"),
]
