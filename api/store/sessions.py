"""Sessions of the cool paths: SQLModel over the engine, with the driver's own errors coming out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

Session = AsyncSession


def sqlalchemy_url(database_url: str) -> str:
    """Return the same address for SQLAlchemy's asyncpg dialect."""
    return make_url(database_url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def open_engine(database_url: str) -> AsyncEngine:
    """Return the engine of the cool paths."""
    return create_async_engine(sqlalchemy_url(database_url), pool_size=5, max_overflow=5, pool_pre_ping=True)


class Sessions:
    """Opens sessions, each with one transaction.

    What the database refuses is raised as asyncpg raises it, so that `api.store.failures` holds for both paths.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._make = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Session]:
        """Give a session whose transaction is committed at the end, or rolled back by an exception."""
        try:
            async with self._make.begin() as session:
                yield session
        except DBAPIError as error:
            raise _of_the_driver(error) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def _of_the_driver(error: DBAPIError) -> BaseException:
    """Return what asyncpg raised: SQLAlchemy wraps it twice."""
    return (error.orig.__cause__ if error.orig else None) or error
