"""Where the programs come from: what Debian's packages install, and what the first `up` fetches and builds under build/."""

import glob
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import time

from local_cluster.plan import ROOT, Trouble, only_one, say

# The broker's jars: a pom pins them, and says where it puts them.
KAFKA_POM = next(pom for pom in (ROOT / "deploy/kafka/pom.xml", ROOT / "bench/reference/kafka/pom.xml") if pom.exists())
KAFKA_LIB = (KAFKA_POM.parent / re.search(r"<directory>\$\{project.basedir\}/(.*)</directory>", KAFKA_POM.read_text())[1] / "lib").resolve()

FERRETDB_SOURCE = ROOT / "scripts/local_cluster/ferretdb"
FERRETDB_BUILD = ROOT / "build/cluster-programs/ferretdb"
FERRETDB = FERRETDB_BUILD / "ferretdb"
FERRETDB_VERSION = "v1.24.0"
GO_NEEDED = (1, 22)  # FerretDB's go.mod says so
GO_PLACES = ("go", "/usr/lib/go-1.23/bin/go", "/usr/lib/go-1.22/bin/go")

BUILD_LOG = ROOT / "build/cluster-programs/build.log"


def found(name, package):
    path = shutil.which(name)
    if path is None:
        raise Trouble(f"{name} is missing: run scripts/bootstrap, or apt-get install {package}")
    return path


def postgres(name):
    """A program of the newest PostgreSQL; Debian keeps them outside of PATH."""
    places = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: float(path.split("/")[4]))
    if places:
        return places[-1]
    return found(name, "postgresql-15")


def ensure(parts, windfall):
    """Everything that the parts run is there afterwards."""
    if "redis" in parts:
        found("redis-server", "redis-server")
    if "postgres" in parts:
        for name in ("initdb", "postgres", "psql"):
            postgres(name)
    if "kafka" in parts:
        found("java", "openjdk-17-jdk-headless")
        ensure_kafka()
    if "ferretdb" in parts:
        ensure_ferretdb()
    if {"sandbox", "windfall"} & set(parts) and not os.access(windfall, os.X_OK):
        raise Trouble(f"{windfall} is missing: run scripts/build, or name a binary with --windfall, or leave it out with --without sandbox,windfall")


def ensure_kafka():
    pinned = fingerprint(KAFKA_POM)
    mark = KAFKA_LIB.parent / "fetched"
    with only_one(ROOT / "build/cluster-programs/kafka.lock", "fetch of Kafka"):
        if any(KAFKA_LIB.glob("kafka_*.jar")) and (not mark.exists() or mark.read_text() == pinned):
            return
        say("fetching Kafka's jars from Maven Central (once, about 70 MB)")
        run([found("mvn", "maven"), "-q", "-B", "package"], KAFKA_POM.parent)
        mark.write_text(pinned)


def ensure_ferretdb():
    sources = [FERRETDB_SOURCE / name for name in ("go.mod", "go.sum", "pinned.go")]
    pinned = fingerprint(*sources)
    mark = FERRETDB_BUILD / "built"
    with only_one(ROOT / "build/cluster-programs/ferretdb.lock", "build of FerretDB"):
        if FERRETDB.exists() and mark.exists() and mark.read_text() == pinned:
            return
        go = recent_go()
        say(f"building FerretDB {FERRETDB_VERSION} from Go modules (once, some minutes)")
        begun = time.monotonic()
        FERRETDB_BUILD.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(FERRETDB_BUILD / "vendor", ignore_errors=True)
        for source in sources:
            shutil.copy(source, FERRETDB_BUILD)
        # -mod=vendor: the module's archive lacks a file that the program embeds, and only a vendored copy can be written to.
        run([go, "mod", "vendor"], FERRETDB_BUILD)
        version = FERRETDB_BUILD / "vendor/github.com/FerretDB/FerretDB/build/version/version.txt"
        version.write_text(FERRETDB_VERSION + "\n")
        # Its own SQLite is half of the compilation, and PostgreSQL is there.
        program = "github.com/FerretDB/FerretDB/cmd/ferretdb"
        run([go, "build", "-mod=vendor", "-tags", "ferretdb_no_sqlite", "-o", str(FERRETDB), program], FERRETDB_BUILD)
        shutil.rmtree(FERRETDB_BUILD / "vendor", ignore_errors=True)
        mark.write_text(pinned)
        say(f"FerretDB is built ({time.monotonic() - begun:.0f} s)")


def recent_go():
    oldest = ".".join(map(str, GO_NEEDED))
    for go in GO_PLACES:
        path = shutil.which(go)
        if path is None:
            continue
        version = re.search(r"go(\d+)\.(\d+)", subprocess.run([path, "version"], capture_output=True, text=True, check=False).stdout)
        if version and tuple(map(int, version.groups())) >= GO_NEEDED:
            return path
    raise Trouble(f"Go {oldest} or newer is missing, FerretDB is built with it: run scripts/bootstrap, or leave it out with --without ferretdb")


def run(command, folder):
    BUILD_LOG.parent.mkdir(parents=True, exist_ok=True)
    # A toolchain of its own choice, or somebody's flags, would build something else than what go.mod pins.
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    with open(BUILD_LOG, "ab") as log:
        if subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode != 0:
            last = BUILD_LOG.read_text(errors="replace").splitlines()[-8:]
            raise Trouble(f"{' '.join(map(str, command))} failed; is the network there? The whole output is in {BUILD_LOG}:\n  " + "\n  ".join(last))


def fingerprint(*files):
    return hashlib.sha256(b"\0".join(pathlib.Path(file).read_bytes() for file in files)).hexdigest()
