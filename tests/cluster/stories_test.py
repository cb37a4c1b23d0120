#!/usr/bin/python3
"""Every story of tests/scenario/ told to the distributed mode: one process with all roles decides in Redis, relays through Kafka and keeps its
ledger in PostgreSQL. The servers are started once; each story finds them as empty as a new installation.

environment: WINDFALL = the binary; WINDFALL_LEDGER = where the ledger is, postgresql (as if not set) or mongodb; WINDFALL_STORIES = names of stories, separated by commas, where not all of them are wanted
"""

import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = HERE.parent / "scenario"
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(SCENARIOS), str(HERE.parents[1] / "scripts")]

import run  # noqa: E402
from local_cluster.resp import Connection  # noqa: E402
from running_cluster import RunningCluster  # noqa: E402

# Of each topic: one process reads them all, and a hundred and fifty topics share one broker.
PARTITIONS = 2
CLIENT_SECONDS = 60

LEDGER = os.environ.get("WINDFALL_LEDGER", "postgresql")


class StoriesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = RunningCluster(["redis", "kafka", "postgres", *(["ferretdb"] if LEDGER == "mongodb" else [])])
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.cluster.up()
        env = cls.cluster.env
        os.environ.update(
            WINDFALL_SERVER_MODE="distributed",
            WINDFALL_SERVER_LEDGER=LEDGER,
            WINDFALL_REDIS_NODES=env["CLUSTER_REDIS_NODES"],
            WINDFALL_REDIS_USER=env["CLUSTER_REDIS_USER"],
            WINDFALL_REDIS_PASSWORD=env["CLUSTER_REDIS_PASSWORD"],
            WINDFALL_KAFKA_BROKERS=env["CLUSTER_KAFKA_BROKERS"],
        )

    def tell(self, story):
        self.empty_redis()
        name = f"story_{story.stem}"
        self.client("psql", self.cluster.env["CLUSTER_POSTGRES_OPERATOR_URL"], "-Xqc", f"create database {name} owner windfall")
        self.client(os.environ["WINDFALL"], "topics", "apply", "--brokers", os.environ["WINDFALL_KAFKA_BROKERS"], "--prefix", f"{name}.",
                    "--partitions", PARTITIONS, "--replication-factor", 1, "--min-insync-replicas", 1)  # fmt: skip
        os.environ["WINDFALL_POSTGRES_URL"] = self.cluster.env["CLUSTER_POSTGRES_URL"].rpartition("/")[0] + f"/{name}"
        if LEDGER == "mongodb":
            os.environ["WINDFALL_MONGODB_URI"] = self.cluster.env["CLUSTER_MONGO_URL"].rpartition("/")[0] + f"/{name}"
        os.environ["WINDFALL_KAFKA_PREFIX"] = f"{name}."
        self.assertEqual(0, run.run_story(story, os.environ["WINDFALL"]), "see what the story says above")

    def empty_redis(self):
        env = self.cluster.env
        for node in self.cluster.status().values():
            if node["part"] == "redis" and node["role"] == "master":
                with Connection(node["port"], env["CLUSTER_REDIS_OPERATOR"], env["CLUSTER_REDIS_OPERATOR_PASSWORD"]) as server:
                    server.call("FLUSHALL")
                    server.call("FUNCTION", "FLUSH")

    def client(self, *argv):
        done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, timeout=CLIENT_SECONDS)
        self.assertEqual(0, done.returncode, f"{argv[0]}: {done.stdout}{done.stderr}")


def add_stories():
    """A test method for each story: what fails has a name of its own."""
    wanted = [name for name in os.environ.get("WINDFALL_STORIES", "").split(",") if name]
    for story in sorted(SCENARIOS.glob("*.scn")):
        if wanted and story.stem not in wanted:
            continue
        method = lambda self, story=story: self.tell(story)  # noqa: E731
        setattr(StoriesTest, f"test_{story.stem}", method)


add_stories()

if __name__ == "__main__":
    if not os.access(os.environ.get("WINDFALL", ""), os.X_OK):
        sys.exit("set WINDFALL to the path of the windfall binary")
    unittest.main(verbosity=2)
