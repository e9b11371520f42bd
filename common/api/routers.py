from rest_framework.routers import SimpleRouter


class EitherSlashRouter(SimpleRouter):
    """Every path answers with and without its slash."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
