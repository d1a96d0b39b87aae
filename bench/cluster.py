"""A private PostgreSQL cluster for one benchmark, gone when it ends.

Root may not run PostgreSQL, so as root the server runs as an unprivileged
user (BENCH_USER, by default postgres, else nobody).
"""
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def die(message):
    sys.exit(f"bench: {message}")


def say(message):
    print(f"bench: {message}", file=sys.stderr, flush=True)


def pg_config(name):
    """One value of the pg_config that PG_CONFIG names."""
    program = os.environ.get("PG_CONFIG", "pg_config")
    return subprocess.run([program, f"--{name}"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def unprivileged_user():
    """The user to run the server as, None for the one we are."""
    if os.geteuid() != 0:
        return None
    for name in (os.environ.get("BENCH_USER"), "postgres", "nobody"):
        try:
            if name:
                return pwd.getpwnam(name)
        except KeyError:
            pass
    die("no unprivileged user to run PostgreSQL as: set BENCH_USER")


def stop_on_signals():
    """Make SIGTERM and SIGHUP end the program as Ctrl-C does, cleaning up."""
    def stop(signo, _frame):
        raise KeyboardInterrupt(signal.Signals(signo).name)
    for signo in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signo, stop)


class Cluster:
    """Use as a context manager.  libraries: paths of .so files that the
    server shall find by name; plugins: names that it shall trust."""

    def __init__(self, conf, libraries=(), plugins=()):
        self.conf = conf
        self.libraries = libraries
        self.plugins = plugins
        self.bindir = pg_config("bindir")
        self.user = unprivileged_user()
        self.port = free_port()
        self.dir = None

    def __enter__(self):
        # a socket's path is limited to 107 bytes: not under build/
        self.dir = tempfile.mkdtemp(prefix="walferry-bench.")
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if os.path.exists(f"{self.dir}/data/postmaster.pid"):
            self._run("pg_ctl", "-D", f"{self.dir}/data", "-m", "immediate",
                      "-w", "stop", check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def _run(self, program, *args, check=True):
        argv = [f"{self.bindir}/{program}", *args]
        if self.user:
            argv = ["setpriv", f"--reuid={self.user.pw_uid}",
                    f"--regid={self.user.pw_gid}", "--clear-groups", *argv]
        with open(f"{self.dir}/commands.log", "a+", encoding="utf-8") as log:
            done = subprocess.run(argv, stdout=log, stderr=log, cwd=self.dir,
                                  check=False)
            if check and done.returncode != 0:
                log.seek(0)
                die(f"{program} failed:\n{log.read()}{self.server_log()}")

    def server_log(self):
        try:
            with open(f"{self.dir}/server.log", encoding="utf-8") as log:
                return log.read()
        except OSError:
            return ""

    def _start(self):
        os.mkdir(f"{self.dir}/lib")
        for library in self.libraries:
            shutil.copy(library, f"{self.dir}/lib")
        if self.user:
            for name in ("", "/lib"):
                os.chown(self.dir + name, self.user.pw_uid, self.user.pw_gid)
            for path in glob.glob(f"{self.dir}/lib/*"):
                os.chmod(path, 0o755)
        self._run("initdb", "-D", f"{self.dir}/data", "-U", "postgres", "-A",
                  "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        conf = {"listen_addresses": "127.0.0.1", "port": self.port,
                "unix_socket_directories": self.dir,
                # ours first: an older one may be installed
                "dynamic_library_path": f"{self.dir}/lib:$libdir",
                **self.conf}
        with open(f"{self.dir}/data/postgresql.conf", "a",
                  encoding="utf-8") as f:
            f.writelines(f"{k} = '{v}'\n" for k, v in conf.items())
        self._run("pg_ctl", "-D", f"{self.dir}/data", "-w", "-l",
                  f"{self.dir}/server.log", "start")
        self._trust_plugins()

    def _trust_plugins(self):
        """Newer minor releases load only the output plugins they are told
        to trust.  The list must not be quoted: quoted it is one name."""
        if not self.sql("SELECT 1 FROM pg_settings "
                        "WHERE name = 'output_plugin_libraries'"):
            return
        names = ", ".join(["pgoutput", "test_decoding", *self.plugins])
        self.sql(f"ALTER SYSTEM SET output_plugin_libraries = {names}")
        self.sql("SELECT pg_reload_conf()")

    def conninfo(self, transport="unix", dbname="postgres"):
        host = self.dir if transport == "unix" else "127.0.0.1"
        # no TLS: a private cluster has no certificate and would fall back
        return (f"host={host} port={self.port} user=postgres "
                f"dbname={dbname} sslmode=disable")

    def psql(self, *args):
        """Runs psql and returns its output's lines."""
        done = subprocess.run(
            [f"{self.bindir}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1",
             "-d", self.conninfo(), *args], text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            die(f"psql {' '.join(args)}:\n{done.stderr}")
        return done.stdout.splitlines()

    def sql(self, statement):
        """The rows of one statement, each one string."""
        return self.psql("-c", statement)
