"""PostgreSQL with a role and a database for each who uses it. It refuses to run as root, so root lends it a user."""

import os
import pwd
import shutil
import signal
import subprocess

from local_cluster import programs
from local_cluster.parts import Health, Process
from local_cluster.plan import Trouble, write_whole

NEEDS = ()
START_SECONDS = 60
DATABASES = ("windfall", "ferretdb")
MOST_CONNECTIONS = 200


def user():
    """Whose process it will be: ours, or for root that of Debian's package."""
    if os.geteuid() != 0:
        return ""
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
            return name
        except KeyError:
            continue
    raise Trouble("PostgreSQL does not run as root, and there is no user 'postgres' to run it as: apt-get install postgresql-15")


def as_user(name):
    """Arguments for subprocess."""
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []} if name else {}


def prepare(plan):
    folder = plan.place("postgres")
    folder.mkdir(mode=0o700, exist_ok=True)
    name = user()
    if name:
        shutil.chown(folder, name, pwd.getpwnam(name).pw_gid)
        if subprocess.run(["test", "-x", str(folder)], check=False, **as_user(name)).returncode != 0:
            raise Trouble(
                f"user {name}, who runs PostgreSQL for root, cannot enter {folder}: choose another folder with --data, such as"
                " --data /var/tmp/windfall-cluster, or run as another user than root"
            )
    if not (folder / "data/PG_VERSION").exists():
        initialise(plan, folder, name)


def initialise(plan, folder, name):
    # What an interrupted start has left is worth nothing.
    shutil.rmtree(folder / "data", ignore_errors=True)
    shutil.rmtree(folder / "new", ignore_errors=True)
    secret = folder / "password"
    write_whole(secret, plan.secrets["postgres_operator"])
    if name:
        shutil.chown(secret, name)
    log = plan.log("postgres")
    command = [
        programs.postgres("initdb"), "-D", str(folder / "new"), "-U", "operator", f"--pwfile={secret}", "-A", "scram-sha-256",
        "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    with open(log, "ab") as talk:
        made = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=talk, stderr=talk, check=False, **as_user(name))
    secret.unlink()
    if made.returncode != 0:
        raise Trouble(f"initdb failed: see {log}")
    (folder / "new").rename(folder / "data")


def process(plan, node):
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": node.port,
        "unix_socket_directories": "",
        "max_connections": MOST_CONNECTIONS,
        "shared_buffers": "128MB",
    }
    flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    # SIGINT is its fast way to stop: open transactions are rolled back, clients are not waited for.
    return Process([programs.postgres("postgres"), "-D", str(plan.place("postgres") / "data"), *flags], str(plan.place("postgres")), user=user(), ending=signal.SIGINT)


def health(plan, node):
    try:
        version = ask(plan, "select current_setting('server_version')")
    except Trouble as problem:
        return Health(False, f"no answer: {problem}")
    return Health(True, f"accepts, version {version.split()[0]}", {"version": version})


def complete(plan):
    for name in DATABASES:
        ask(
            plan,
            f"select 'create role {name} login' where not exists (select from pg_roles where rolname = '{name}') \\gexec\n"
            f"alter role {name} password '{plan.secrets[f'postgres_{name}']}';\n"
            f"select 'create database {name} owner {name}' where not exists (select from pg_database where datname = '{name}') \\gexec\n",
        )


def ask(plan, text):
    port = plan.node("postgres").port
    command = [programs.postgres("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", "operator", "-d", "postgres"]
    env = {**os.environ, "PGPASSWORD": plan.secrets["postgres_operator"], "PGCONNECT_TIMEOUT": "2"}
    try:
        answer = subprocess.run(command, input=text, env=env, capture_output=True, text=True, check=False, timeout=10)
    except subprocess.TimeoutExpired:
        raise Trouble("time-out") from None
    if answer.returncode != 0:
        raise Trouble((answer.stderr.strip().splitlines() or [f"psql ended with {answer.returncode}"])[-1])
    return answer.stdout.strip()


def url(plan, name):
    return f"postgresql://{name}:{plan.secrets[f'postgres_{name}']}@127.0.0.1:{plan.reach('postgres')}/{'postgres' if name == 'operator' else name}"


def environment(plan):
    return {"CLUSTER_POSTGRES_URL": url(plan, "windfall"), "CLUSTER_POSTGRES_OPERATOR_URL": url(plan, "operator")}
