"""A private PostgreSQL: own data folder, port and password; no system service touched."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from deploy.local.process import (
    ServerError,
    end,
    is_alive,
    read_pid,
    spawn,
    tail,
    wait_until,
)
from deploy.local.state import State

USER = "marathon"
BINARY_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
START_SECONDS = 60
READY = "ready to accept connections"
LEFT_BY_A_KILLED_ONE = ("shared memory", "postmaster.pid")
"""What a server says that finds the processes of a killed one: they go away by themselves, when
they have finished what they do."""
PAUSE_S = 0.2


def find_binaries(version: str | None = None) -> Path | None:
    """The folder of PostgreSQL's programs: of a major version if given, else of the newest."""
    found = [f for pattern in BINARY_FOLDERS for f in Path("/").glob(pattern.lstrip("/"))]
    in_path = shutil.which("initdb")
    if in_path:
        found.append(Path(in_path).resolve().parent)
    usable = [f for f in found if (f / "initdb").exists() and (f / "postgres").exists()]
    if version:
        return next((f for f in usable if _major(f) == version), None)
    return max(usable, key=lambda f: int(_major(f) or 0), default=None)


def _major(folder: Path) -> str | None:
    in_path = re.search(r"(?:postgresql[/@]|pgsql-)(\d+)", str(folder))
    if in_path:
        return in_path[1]
    said = subprocess.run([folder / "postgres", "-V"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)", said.stdout)
    return found[1] if found else None


class Postgres:
    """The database server under one folder."""

    name = "postgres"
    package = "postgresql"

    def __init__(self, root: Path, state: State) -> None:
        self.folder = root / "postgres"
        self.log = root / "logs" / "postgres.log"
        self.pid_file = root / "run" / "postgres.pid"
        self.state = state

    @staticmethod
    def installed() -> bool:
        """Whether the system has it."""
        return find_binaries() is not None

    @cached_property
    def user(self) -> str | None:
        """Whom the server runs as, if not as ourselves."""
        return _unprivileged()

    @property
    def data(self) -> Path:
        """The data folder, where it really is."""
        return self.folder.resolve() / "data"

    @property
    def mark(self) -> str:
        """What is on the command line of our server and of no other."""
        return f"-D {self.data} "

    def pid(self) -> int | None:
        """Its pid while it runs."""
        return read_pid(self.pid_file, self.mark)

    def url(self, database: str) -> str:
        """The address of a database."""
        password = self.state.password("postgres")
        port = self.state.port("postgres", 5433)
        return f"postgresql+psycopg2://{USER}:{password}@127.0.0.1:{port}/{database}"

    def up(self) -> None:
        """Starts it unless it runs, and waits until it answers. Raises :class:`ServerError`."""
        pid = self.pid()
        if pid and self._becomes_ready(pid):
            return
        self.down()
        self._prepare()
        until = time.monotonic() + START_SECONDS
        while not self._start():
            log = tail(self.log, 8000)
            taken = "could not bind" in log
            if taken:
                # Somebody took the port between our look and the start.
                self.state.new_port("postgres", 5433)
            left = any(words in log for words in LEFT_BY_A_KILLED_ONE)
            if not (taken or left) or time.monotonic() > until:
                raise ServerError(
                    "PostgreSQL does not start.", f"Its log is {self.log}:\n{tail(self.log)}"
                )
            time.sleep(PAUSE_S)

    def down(self) -> None:
        """Stops it in order, cutting connections; by force when it does not follow."""
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            pid = self.pid()
            if pid is None or end(pid, number, 20):
                break
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        pid = self.pid()
        if pid:
            end(pid, signal.SIGKILL, 10)

    def set_fast(self, fast: bool) -> None:
        """Whether to answer before the disk has it: safe as long as the machine stays up."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"ALTER SYSTEM SET fsync = {'off' if fast else 'on'}")
            cursor.execute("SELECT pg_reload_conf()")

    def connect(self, database: str = "postgres") -> Any:
        """A connection that commits each statement. Raises ``psycopg2.OperationalError``."""
        connection = psycopg2.connect(
            host="127.0.0.1",
            port=self.state.port("postgres", 5433),
            user=USER,
            password=self.state.password("postgres"),
            dbname=database,
            connect_timeout=10,
        )
        connection.autocommit = True
        return connection

    def wipe(self) -> None:
        """Takes the data away, wherever it is; only when it is down."""
        shutil.rmtree(self.folder.resolve(), ignore_errors=True)
        if self.folder.is_symlink():
            self.folder.unlink()

    def _prepare(self) -> None:
        for folder in (self.log.parent, self.pid_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        if not (self.data / "PG_VERSION").exists():
            self._make_folder()
            self._make_data()
        self._binaries()

    def _make_folder(self) -> None:
        """Makes the folder; elsewhere, with a link to it, where our user can't reach it."""
        if self.folder.is_symlink() and not self.folder.exists():
            self.folder.unlink()
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.user is None:
            return
        shutil.chown(self.folder, self.user, self.user)  # follows a link
        if self._may_enter(self.folder.resolve()):
            return
        # Typically a clone under /root, which root alone may enter: that user's home instead.
        shutil.rmtree(self.folder)
        home = pwd.getpwnam(self.user).pw_dir
        elsewhere = Path(tempfile.mkdtemp(prefix="incroyable-territoire-", dir=home))
        shutil.chown(elsewhere, self.user, self.user)
        self.folder.symlink_to(elsewhere)

    def _may_enter(self, folder: Path) -> bool:
        done = subprocess.run(
            ["test", "-x", str(folder)],
            user=self.user,
            group=self.user,
            extra_groups=[],
            cwd="/",
            check=False,
        )
        return done.returncode == 0

    def _make_data(self) -> None:
        """Runs initdb aside and moves its result in place: half a cluster is never started."""
        new = self.data.with_name("data.new")
        shutil.rmtree(new, ignore_errors=True)
        secret = self.data.with_name("password")
        secret.touch(0o600)
        secret.write_text(self.state.password("postgres"))
        if self.user:
            shutil.chown(secret, self.user, self.user)
        command = [str(self._binaries() / "initdb"), "-D", str(new), "-U", USER]
        command += ["--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--no-locale"]
        try:
            self._run(command)
            new.rename(self.data)
        finally:
            secret.unlink()

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command,
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ServerError("PostgreSQL could not make its data folder.", done.stderr[-800:])

    def _start(self) -> bool:
        port = self.state.free_port("postgres", 5433)
        self.log.write_bytes(b"")
        command = [str(self._binaries() / "postgres"), "-D", str(self.data)]
        # No socket file: its path may be at most 107 characters long, and .local may be deep.
        for setting in (
            "listen_addresses=127.0.0.1",
            f"port={port}",
            "unix_socket_directories=",
            "max_connections=300",
        ):
            command += ["-c", setting]
        pid = spawn(command, self.log, user=self.user)
        self.pid_file.write_text(str(pid))
        return self._becomes_ready(pid)

    def _becomes_ready(self, pid: int) -> bool:
        wait_until(lambda: self._is_ready() or not is_alive(pid), START_SECONDS)
        return is_alive(pid) and self._is_ready()

    def _is_ready(self) -> bool:
        # By its own words first: on the port there may be somebody else's server, until ours
        # finds that out and dies of it.
        return READY in self.log.read_text(errors="replace") and self._answers()

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise ServerError(
                    "PostgreSQL does not know the password that is remembered.",
                    "Start anew with: marathon local down --wipe && marathon local up",
                ) from error
            return False
        return True

    def _binaries(self) -> Path:
        """The programs that fit the data. Raises :class:`ServerError`."""
        version_file = self.data / "PG_VERSION"
        version = version_file.read_text().strip() if version_file.exists() else None
        found = find_binaries(version)
        if found is None and version:
            raise ServerError(
                f"The data are PostgreSQL {version}'s, which is not installed any more.",
                "Start anew with: marathon local down --wipe && marathon local up",
            )
        if found is None:
            raise ServerError("PostgreSQL is not installed.", "Run: marathon local up")
        return found


def create_database(connection: Any, name: str) -> None:
    """Makes an empty database, in the place of one that has this name."""
    drop_database(connection, name)
    with connection.cursor() as cursor:
        # template0: nobody can be connected to it, so nobody makes this wait.
        cursor.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        )


def create_missing(connection: Any, name: str) -> None:
    """Makes an empty database unless one has this name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if cursor.fetchone() is None:
            create_database(connection, name)


def drop_database(connection: Any, name: str) -> None:
    """Takes a database away, cutting who is connected to it."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def _unprivileged() -> str | None:
    """Whom the server runs as: PostgreSQL refuses root, any other user runs it herself."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "_postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise ServerError("PostgreSQL refuses to run as root, and there is no user 'postgres'.")
