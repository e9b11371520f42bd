"""The rival: what a good engineer would build for the same job with FastAPI, SQLAlchemy 2 (async) and asyncpg.

Our own code, under the licence of the project (MIT, see LICENSE).

    POST /hist/api/heartbeat/      the ordinary way: select the site, check its key, change the row, add a history row, commit
    POST /corehist/api/heartbeat/  tuned: one statement that does it all
"""

import hashlib
import hmac
import os
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, Field
from sqlalchemy import BigInteger, Boolean, DateTime, ForeignKey, Identity, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=int(os.environ["POOL_SIZE"]), max_overflow=0)
Session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Site(Base):
    __tablename__ = "site"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    domain: Mapped[str] = mapped_column(String(253))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary)
    licensed: Mapped[bool] = mapped_column(Boolean)
    locked: Mapped[bool] = mapped_column(Boolean)
    lock_reason: Mapped[str | None] = mapped_column(String(500))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_seen_ip: Mapped[str | None] = mapped_column(INET)
    version: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Heartbeat(Base):
    __tablename__ = "heartbeat"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("site.id"))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ip: Mapped[str | None] = mapped_column(INET)
    version: Mapped[str | None] = mapped_column(String(32))
    uptime_seconds: Mapped[int | None] = mapped_column(BigInteger)


class HeartbeatIn(BaseModel):
    version: str = Field(max_length=32)
    uptime_seconds: int = Field(ge=0)


class HeartbeatOut(BaseModel):
    licensed: bool
    locked: bool
    lock_reason: str | None
    expires_at: datetime | None


async def get_session() -> AsyncIterator[AsyncSession]:
    async with Session() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]
SiteID = Annotated[uuid.UUID, Header(alias="X-Site-ID")]
SiteKey = Annotated[str, Header(alias="X-Site-Key")]
UNAUTHORIZED = HTTPException(401, "Unknown site or wrong key")


async def current_site(session: SessionDep, x_site_id: SiteID, x_site_key: SiteKey) -> Site:
    site = await session.get(Site, x_site_id)
    digest = hashlib.sha256(x_site_key.encode()).digest()
    if site is None or not hmac.compare_digest(digest, site.key_hash):
        raise UNAUTHORIZED
    return site


CurrentSite = Annotated[Site, Depends(current_site)]
app = FastAPI()


@app.post("/hist/api/heartbeat/")
async def heartbeat_ordinary(
    beat: HeartbeatIn, request: Request, site: CurrentSite, session: SessionDep
) -> HeartbeatOut:
    now = datetime.now(UTC)
    site.last_seen_at = now
    site.last_seen_ip = request.client.host
    site.version = beat.version
    session.add(
        Heartbeat(
            site_id=site.id,
            received_at=now,
            ip=request.client.host,
            version=beat.version,
            uptime_seconds=beat.uptime_seconds,
        )
    )
    await session.commit()
    return HeartbeatOut(
        licensed=site.licensed, locked=site.locked, lock_reason=site.lock_reason, expires_at=site.expires_at
    )


CTE = text("""
WITH s AS (UPDATE site SET last_seen_at = :now, last_seen_ip = :ip, version = :version
           WHERE id = :id AND key_hash = :h RETURNING id, licensed, locked, lock_reason, expires_at),
     b AS (INSERT INTO heartbeat (site_id, received_at, ip, version, uptime_seconds)
           SELECT id, :now, :ip, :version, :up FROM s)
SELECT licensed, locked, lock_reason, expires_at FROM s
""")


@app.post("/corehist/api/heartbeat/")
async def heartbeat_tuned(beat: HeartbeatIn, request: Request, x_site_id: SiteID, x_site_key: SiteKey) -> HeartbeatOut:
    values = {
        "now": datetime.now(UTC),
        "ip": request.client.host,
        "version": beat.version,
        "id": x_site_id,
        "h": hashlib.sha256(x_site_key.encode()).digest(),
        "up": beat.uptime_seconds,
    }
    async with engine.begin() as connection:
        row = (await connection.execute(CTE, values)).one_or_none()
    if row is None:
        raise UNAUTHORIZED
    return HeartbeatOut(**row._mapping)
