"""A private RabbitMQ: own home, cookie, node name, ports and folders; no system service touched.

Debian's ``/usr/sbin/rabbitmq-server`` changes user and reads ``/etc/rabbitmq``; so the scripts
behind it are called, with everything given by the environment.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from amqp.exceptions import AccessRefused, NotAllowed
from kombu import Connection

from deploy.local.process import (
    ServerError,
    end,
    is_alive,
    is_port_free,
    read_pid,
    spawn,
    tail,
    wait_until,
)
from deploy.local.state import State

USER = "marathon"
NODE = "marathon@localhost"
SCRIPT_FOLDERS = (
    "/usr/lib/rabbitmq/bin",
    "/usr/lib/rabbitmq/lib/*/sbin",
    "/opt/rabbitmq/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
)
RELAY_PLUGINS = ("rabbitmq_shovel", "rabbitmq_shovel_management", "rabbitmq_management")
"""What the relay between instances needs: docs/operating.md, "Partners and the relay"."""

LARGEST_MESSAGE = 2 * 1024 * 1024
PORTS = (("amqp", 5673), ("erlang", 25673), ("epmd", 4370))
START_SECONDS = 90
READY = "Starting broker... completed"
# What AMQP 0-9-1 clients say first; a broker that is ready answers with a frame of type 1.
GREETING = b"AMQP\x00\x00\x09\x01"


def find_scripts() -> Path | None:
    """The folder of RabbitMQ's own scripts, if it is installed."""
    for pattern in SCRIPT_FOLDERS:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if (folder / "rabbitmq-server").exists():
                return folder
    found = shutil.which("rabbitmq-server")
    real = Path(found).resolve().parent if found else None
    return real if real and (real / "rabbitmq-env").exists() else None


PORT_TAKEN = ("eaddrinuse", "dist_port_already_used")
"""What the log says where another process, or another node, has one of its ports."""


class RabbitMQ:
    """The broker under one folder."""

    name = "rabbitmq"
    package = "rabbitmq-server"

    def __init__(
        self, root: Path, state: State, *, node: str = NODE, plugins: Sequence[str] | None = None
    ) -> None:
        self.root = root
        self.node = node
        self._plugins = plugins
        self.folder = root / "rabbitmq"
        self.log = root / "logs" / "rabbitmq.log"
        self.pid_file = root / "run" / "rabbitmq.pid"
        self.state = state
        # It is on the command line of our broker and of no other.
        self.mark = f"-home {self.folder / 'home'} "

    @staticmethod
    def installed() -> bool:
        """Whether the system has it."""
        return find_scripts() is not None

    def pid(self) -> int | None:
        """Its pid while it runs."""
        return read_pid(self.pid_file, self.mark)

    def url(self, vhost: str = "/") -> str:
        """The address of a virtual host."""
        password = self.state.password("rabbitmq")
        port = self.state.port("amqp", 5673)
        return f"pyamqp://{USER}:{password}@127.0.0.1:{port}/{quote(vhost, safe='')}"

    @property
    def plugins(self) -> tuple[str, ...]:
        """What it loads beside the broker: as given, else what its folder remembers."""
        return tuple(self.state.plugins() if self._plugins is None else self._plugins)

    def keep_plugins(self, names: Sequence[str]) -> None:
        """Loads these from its next start on; stops it where it runs with others."""
        if set(names) != set(self.state.plugins()):
            self.state.keep_plugins(names)
            self.down()

    @property
    def ports(self) -> tuple[tuple[str, int], ...]:
        """The names of its ports, each with where to look for a free one first."""
        return (*PORTS, ("management", 15673)) if self._is_managed else PORTS

    @property
    def api_url(self) -> str | None:
        """The address of its management API with our user; None without that plugin."""
        if not self._is_managed:
            return None
        password = self.state.password("rabbitmq")
        return f"http://{USER}:{password}@127.0.0.1:{self.state.port('management', 15673)}"

    @property
    def _is_managed(self) -> bool:
        return "rabbitmq_management" in self.plugins

    def up(self) -> None:
        """Starts it unless it runs, and waits until it answers. Raises :class:`ServerError`."""
        pid = self.pid()
        if pid and self._becomes_ready(pid):
            return
        self.down()
        for _ in range(3):
            if self._start():
                return
            said = tail(self.log, 32_000)
            if not any(words in said for words in PORT_TAKEN):
                break
            # Somebody took a port between our look and the start.
            for port, first in self.ports:
                self.state.new_port(port, first)
        raise ServerError("RabbitMQ does not start.", f"Its log is {self.log}:\n{tail(self.log)}")

    def down(self) -> None:
        """Stops it in order; by force when it does not follow."""
        if not self.pid_file.exists():
            return
        pid = self.pid()
        if pid and not end(pid, signal.SIGTERM, 30):
            end(pid, signal.SIGKILL, 10)
        self._wait_for_port()
        self._end_epmd()
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        pid = self.pid()
        if pid:
            end(pid, signal.SIGKILL, 10)
            self._wait_for_port()

    def _wait_for_port(self) -> None:
        # The kernel closes the sockets of a killed process a little after it is gone, and the
        # address should stay the same.
        wait_until(lambda: is_port_free(self.state.port("amqp", 5673)), 5)

    def add_vhosts(self, names: Sequence[str]) -> None:
        """Makes virtual hosts, all in one go (each command costs half a second)."""
        one = f'begin rabbit_vhost:add(V, <<"{USER}">>), {_grant("V")} end'
        self.evaluate(f"[{one} || V <- {_list(names)}], ok.")

    def delete_vhosts(self, names: Sequence[str]) -> None:
        """Takes virtual hosts away with all that is in them."""
        self.evaluate(f'[rabbit_vhost:delete(V, <<"{USER}">>) || V <- {_list(names)}], ok.')

    def evaluate(self, erlang: str) -> str:
        """What an Erlang expression gives on the broker. Raises :class:`ServerError`."""
        done = self._control("eval", erlang)
        if done.returncode != 0:
            raise ServerError("RabbitMQ refused a command.", (done.stderr or done.stdout)[-800:])
        return done.stdout

    def _start(self) -> bool:
        self._prepare()
        pid = spawn([str(self._scripts() / "rabbitmq-server")], self.log, self.environment())
        self.pid_file.write_text(str(pid))
        if not self._becomes_ready(pid):
            end(pid, signal.SIGKILL, 10)
            return False
        self._let_in()
        return True

    def _prepare(self) -> None:
        for folder in (self.folder / "home", self.log.parent, self.pid_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        for port, first in self.ports:
            self.state.free_port(port, first)
        self.log.write_bytes(b"")
        cookie = self.folder / "home" / ".erlang.cookie"
        if not cookie.exists():
            _write_private(cookie, secrets.token_hex(16), 0o400)
        _write_private(self.folder / "rabbitmq.conf", self._configuration())
        (self.folder / "enabled_plugins").write_text(f"[{','.join(self.plugins)}].\n")

    def _configuration(self) -> str:
        lines = [
            f"listeners.tcp.1 = 127.0.0.1:{self.state.port('amqp', 5673)}",
            f"default_user = {USER}",
            f"default_pass = {self.state.password('rabbitmq')}",
            # Below it publishers are stopped without a word.
            "disk_free_limit.absolute = 50MB",
            # Nobody says as much in one message; the relay's are 1 MiB at most.
            f"max_message_size = {LARGEST_MESSAGE}",
            # Quorum queues' log: half a gigabyte of memory for a queue that nobody reads, else.
            "raft.wal_max_size_bytes = 33554432",
        ]
        if self._is_managed:
            lines += [
                "management.tcp.ip = 127.0.0.1",
                f"management.tcp.port = {self.state.port('management', 15673)}",
                "management.rates_mode = none",
            ]
        return "\n".join(lines) + "\n"

    def environment(self) -> dict[str, str]:
        """What its scripts must be given."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_"))}
        return clean | {
            "HOME": str(self.folder / "home"),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.state.port("amqp", 5673)),
            "RABBITMQ_DIST_PORT": str(self.state.port("erlang", 25673)),
            "ERL_EPMD_PORT": str(self.state.port("epmd", 4370)),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ("-kernel inet_dist_use_interface {127,0,0,1}"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            # Makes the script become the server instead of starting it: one pid, and SIGTERM
            # stops it in order.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _becomes_ready(self, pid: int) -> bool:
        wait_until(lambda: self._is_ready() or not is_alive(pid), START_SECONDS, 0.1)
        return is_alive(pid) and self._is_ready()

    def _is_ready(self) -> bool:
        # Not by the greeting alone: on the port there may be somebody else's broker, until
        # ours finds that out and dies of it.
        return self._greets() and (READY in tail(self.log, 2000) or self._knows_us())

    def _greets(self) -> bool:
        try:
            port = self.state.port("amqp", 5673)
            with socket.create_connection(("127.0.0.1", port), 2) as wire:
                wire.sendall(GREETING)
                return wire.recv(1) == b"\x01"
        except OSError:
            return False

    def _let_in(self) -> None:
        """Sees to it that our user may enter.

        The broker makes its first user only on an empty database, and a first start that was
        interrupted leaves one that is neither empty nor has the user.
        """
        if not self._knows_us():
            self._make_user()

    def _knows_us(self) -> bool:
        try:
            with Connection(self.url(), connect_timeout=5) as connection:
                connection.connect()
        except (AccessRefused, NotAllowed):
            return False
        return True

    def _make_user(self) -> None:
        password = self.state.password("rabbitmq")
        if self._control("add_user", USER, password).returncode != 0:
            self._control("change_password", USER, password)
        root = '<<"/">>'
        self.evaluate(
            f"case rabbit_vhost:exists({root}) of true -> ok;"
            f' false -> rabbit_vhost:add({root}, <<"{USER}">>) end, {_grant(root)}, ok.'
        )

    def _control(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._scripts() / "rabbitmqctl"), "-q", *arguments],
            env=self.environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def _scripts(self) -> Path:
        found = find_scripts()
        if found is None:
            raise ServerError("RabbitMQ is not installed.", "Run: marathon local up")
        return found

    def _end_epmd(self) -> None:
        """Ends Erlang's name server, which the broker has started and leaves behind.

        It refuses while it believes that a node lives, which after a ``kill -9`` it does for
        a moment; and its port must be the same at the next start.
        """
        epmd = shutil.which("epmd")

        def gone() -> bool:
            if is_port_free(self.state.port("epmd", 4370)):
                return True
            subprocess.run(
                [str(epmd), "-kill"], env=self.environment(), capture_output=True, check=False
            )
            return False

        if epmd:
            wait_until(gone, 3)


def _grant(vhost: str) -> str:
    """Erlang for: our user may do everything in a virtual host."""
    return (
        f'rabbit_auth_backend_internal:set_permissions(<<"{USER}">>, {vhost},'
        f' <<".*">>, <<".*">>, <<".*">>, <<"{USER}">>)'
    )


def _list(names: Sequence[str]) -> str:
    """Erlang for a list of names."""
    bad = [name for name in names if not name.replace("-", "").replace("_", "").isalnum()]
    if bad:
        raise ValueError(f"not names of virtual hosts: {bad}")
    return "[" + ", ".join(f'<<"{name}">>' for name in names) + "]"


def _write_private(path: Path, text: str, mode: int = 0o600) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w") as file:
        file.write(text)
