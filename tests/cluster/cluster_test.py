#!/usr/bin/python3
"""scripts/cluster keeps what it says: every server answers its own client, a killed node comes back by itself, nothing is left in the end.

Servers are asked by clients that share no code with the script: redis-cli, kcat, psql, pymongo.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import pymongo  # noqa: E402
from running_cluster import Failed, RunningCluster  # noqa: E402

RESTART_PROMISE_SECONDS = 5
CLIENT_SECONDS = 30
# Longer than a failover takes: cluster-node-timeout 2 s, then the vote. The replica is the master when the dead one comes back.
DEAD_SECONDS = 4


def client(*argv, text=None, env=None):
    """(exit status, output) of a client program."""
    done = subprocess.run([str(word) for word in argv], input=text, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False, timeout=CLIENT_SECONDS)
    return done.returncode, (done.stdout + done.stderr).strip()


class ClusterTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = RunningCluster(["redis", "kafka", "postgres", "ferretdb"])
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.cluster.up()

    def setUp(self):
        self.cluster.until_well()  # whatever the test before this one has done

    def redis(self, *words, name="redis-1", user="REDIS_USER", secret="REDIS_PASSWORD", cluster=True):
        env = self.cluster.env
        argv = ["redis-cli", *(["-c"] if cluster else []), "--no-auth-warning", "-p", self.cluster.node(name)["port"], "--user", env[f"CLUSTER_{user}"]]
        return client(*argv, *words, env={"REDISCLI_AUTH": env[f"CLUSTER_{secret}"]})[1]

    def as_operator(self, *words, name="redis-1"):
        return self.redis(*words, name=name, user="REDIS_OPERATOR", secret="REDIS_OPERATOR_PASSWORD", cluster=False)

    def test_redis_is_one_cluster_that_keeps_what_it_acknowledges(self):
        information = self.redis("CLUSTER", "INFO")
        for line in ("cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:6", "cluster_size:3"):
            self.assertIn(line, information)
        for name in (f"redis-{i}" for i in range(1, 7)):
            for setting, value in {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "min-replicas-to-write": "1", "repl-timeout": "5"}.items():
                self.assertEqual(f"{setting}\n{value}", self.redis("CONFIG", "GET", setting, name=name, cluster=False))
        self.assertEqual("OK", self.redis("SET", "{kept}:a", "1"))
        self.assertEqual("1", self.redis("GET", "{kept}:a", name="redis-2"))

    def test_windfalls_user_can_neither_empty_redis_nor_change_or_stop_it(self):
        refused = ["FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "CONFIG SET appendfsync no", "SHUTDOWN NOSAVE", "REPLICAOF NO ONE", "ACL LIST",
                   "CLUSTER RESET", "CLUSTER FAILOVER", "FUNCTION FLUSH", "KEYS *", "BGREWRITEAOF", "MONITOR", "MIGRATE h 1 k 0 1", "RESTORE k 0 x"]  # fmt: skip
        for command in refused:
            with self.subTest(command):
                self.assertIn("NOPERM", self.redis(*command.split(), cluster=False))
        self.assertIn("not allowed", self.redis("DEBUG", "SLEEP", "0", cluster=False))  # not even to operators
        library = "#!lua name=tried\nredis.register_function('tried', function(keys) return redis.call('INCR', keys[1]) end)"
        self.assertEqual("tried", self.redis("FUNCTION", "LOAD", "REPLACE", library, name=self.master_of("{tried}")))
        self.assertEqual("1", self.redis("FCALL", "tried", "1", "{tried}", name=self.master_of("{tried}")))
        self.assertIn("role:", self.redis("INFO", "replication", cluster=False))

    def test_an_operator_may_do_everything_and_a_stranger_nothing(self):
        self.assertEqual("OK", self.as_operator("CONFIG", "SET", "slowlog-log-slower-than", "10000"))
        self.assertIn("NOAUTH", client("redis-cli", "-p", self.cluster.node("redis-1")["port"], "GET", "a")[1])

    def test_kafka_takes_and_gives_back_messages(self):
        brokers = self.cluster.env["CLUSTER_KAFKA_BROKERS"]
        status, output = client("kcat", "-b", brokers, "-t", "cluster-test", "-P", "-K", ":", "-X", "acks=all", text="p1:one\np1:two\n")
        self.assertEqual((0, ""), (status, output))
        status, output = client("kcat", "-b", brokers, "-t", "cluster-test", "-C", "-e", "-q", "-o", "beginning", "-f", "%k=%s\n")
        self.assertEqual((0, ["p1=one", "p1=two"]), (status, output.splitlines()))

    def test_postgres_has_a_database_that_belongs_to_windfall(self):
        url = self.cluster.env["CLUSTER_POSTGRES_URL"]
        script = "create table t (n int); insert into t values (41); select n + 1, current_user, current_database() from t; drop table t"
        self.assertEqual((0, "42|windfall|windfall"), client("psql", url, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", script))
        status, output = client("psql", url, "-XqAt", "-c", "create role another superuser")
        self.assertNotEqual(0, status, output)

    def test_ferretdb_speaks_mongodb(self):
        with pymongo.MongoClient(self.cluster.env["CLUSTER_MONGO_URL"], serverSelectionTimeoutMS=CLIENT_SECONDS * 1000) as mongo:
            people = mongo.get_default_database()["cluster_test"]
            people.create_index("name", unique=True)
            people.insert_one({"name": "a", "taken": 1})
            with self.assertRaises(pymongo.errors.DuplicateKeyError):
                people.insert_one({"name": "a"})
            people.update_one({"name": "a", "sequence": {"$exists": False}}, {"$set": {"taken": 2}}, upsert=True)
            self.assertEqual(2, people.find_one({"name": "a"})["taken"])

    def test_a_killed_master_comes_back_as_a_replica_and_the_cluster_is_whole(self):
        self.assertEqual("OK", self.redis("SET", "{lasting}:a", "before"))
        victim = self.master_of("{lasting}")
        starts = self.cluster.node(victim)["starts"]
        self.cluster.kill(victim, seconds=DEAD_SECONDS)
        self.cluster.until(lambda: self.cluster.node(victim)["role"] == "replica", f"{victim} comes back as a replica")
        self.cluster.until_well()
        self.assertEqual(starts + 1, self.cluster.node(victim)["starts"])
        self.assertNotEqual(victim, self.master_of("{lasting}"))
        self.assertEqual("before", self.redis("GET", "{lasting}:a"))
        self.assertEqual("OK", self.redis("SET", "{lasting}:a", "after"))
        self.assertIn("cluster_slots_ok:16384", self.redis("CLUSTER", "INFO"))

    def test_all_nodes_killed_at_once_keep_what_a_function_has_written(self):
        # Several writes of one call are a transaction in the append-only file.
        library = "#!lua name=lasting\nredis.register_function('both', function(keys) redis.call('SET', keys[1], '1') return redis.call('SET', keys[2], '2') end)"
        self.assertEqual("lasting", self.redis("FUNCTION", "LOAD", "REPLACE", library, name=self.master_of("{kept}")))
        self.assertEqual("OK", self.redis("FCALL", "both", "2", "{kept}:x", "{kept}:y", name=self.master_of("{kept}")))
        nodes = [f"redis-{i}" for i in range(1, 7)]
        self.cluster.run("kill", *nodes)
        self.cluster.until_well()
        self.assertEqual("1", self.redis("GET", "{kept}:x"))
        self.assertEqual("2", self.redis("GET", "{kept}:y"))

    def test_what_dies_runs_again_within_the_promised_time_and_what_was_stopped_stays_down(self):
        for name in ("redis-6", "postgres", "ferretdb"):
            with self.subTest(name):
                before = self.cluster.node(name)["pid"]
                begun = time.monotonic()
                os.kill(before, signal.SIGKILL)  # nobody told the supervisor
                self.cluster.until(lambda: self.cluster.node(name)["pid"] not in (before, None), f"{name} runs again")
                self.assertLess(time.monotonic() - begun, RESTART_PROMISE_SECONDS)
        self.cluster.stop("ferretdb")
        self.cluster.until(lambda: all(node["well"] for name, node in self.cluster.status().items() if name != "ferretdb"), "the others are well")
        self.assertEqual("stopped", self.cluster.node("ferretdb")["state"])
        self.cluster.run("start", "ferretdb")  # as one would say it of a stopped one
        self.cluster.until_well()

    def test_a_paused_node_is_told_from_one_that_works(self):
        before = self.cluster.node("redis-5")
        self.cluster.pause("redis-5")
        paused = self.cluster.node("redis-5")
        self.assertEqual(("paused", False, before["pid"]), (paused["state"], paused["well"], paused["pid"]))
        self.cluster.cont("redis-5")
        self.cluster.until_well()
        self.assertEqual(before["pid"], self.cluster.node("redis-5")["pid"])

    def test_up_again_changes_nothing(self):
        before = {name: node["pid"] for name, node in self.cluster.status().items()}
        self.cluster.up()
        self.assertEqual(before, {name: node["pid"] for name, node in self.cluster.status().items()})

    def test_status_tells_programs_and_people_the_same(self):
        table = self.cluster.run("status").splitlines()
        nodes = json.loads(self.cluster.run("status", "-o", "json"))
        self.assertEqual([node["name"] for node in nodes], [line.split()[0] for line in table[1:]])
        self.assertEqual([str(node["pid"]) for node in nodes], [line.split()[2] for line in table[1:]])
        self.assertEqual({node["name"]: node["pid"] for node in nodes}, {name: node["pid"] for name, node in self.cluster.status().items()})
        self.cluster.stop("redis-6")
        self.assertIn("NOT WELL", next(line for line in self.cluster.run("status", expected=(1,)).splitlines() if line.startswith("redis-6")))
        self.cluster.cont("redis-6")
        self.cluster.until_well()

    def test_a_name_that_does_not_exist_is_refused_with_those_that_do(self):
        with self.assertRaises(Failed) as refused:
            self.cluster.kill("redis-7")
        self.assertIn("there is no node 'redis-7'; there are: redis-1", str(refused.exception))

    def master_of(self, key):
        slot = int(self.redis("CLUSTER", "KEYSLOT", key))
        for name, node in self.cluster.status().items():
            for reach in node["details"].get("slots", "none").split():
                first, _, last = reach.partition("-")
                if reach != "none" and int(first) <= slot <= int(last or first):
                    return name
        self.fail(f"no master has slot {slot}")


class EndTest(unittest.TestCase):
    def test_down_leaves_no_process_and_can_be_called_twice(self):
        with RunningCluster(["redis"]) as cluster:
            self.assertEqual(7, len(cluster.processes()))  # six nodes and their supervisor
            cluster.down()
            self.assertEqual({}, cluster.processes())
            cluster.down()
            cluster.run("status", expected=(3,))

    def test_the_data_outlives_down_even_if_somebody_took_a_port_meanwhile(self):
        with RunningCluster(["redis"]) as cluster:
            words = ["--no-auth-warning", "--user", "windfall", "-c"]
            secret = {"REDISCLI_AUTH": cluster.env["CLUSTER_REDIS_PASSWORD"]}
            port = cluster.node("redis-1")["port"]
            self.assertEqual("OK", client("redis-cli", "-p", port, *words, "SET", "a", "kept", env=secret)[1])
            cluster.down()
            folder = cluster.folder / "intruder"
            folder.mkdir()
            intruder = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""], stdout=subprocess.DEVNULL)
            try:
                cluster.until(lambda: client("redis-cli", "-p", port, "PING") == (0, "PONG"), "the intruder listens")
                cluster.up()
                moved = cluster.node("redis-1")["port"]
                self.assertNotEqual(port, moved)
                self.assertEqual("kept", client("redis-cli", "-p", moved, *words, "GET", "a", env=secret)[1])
            finally:
                intruder.kill()
                intruder.wait()

    def test_behind_proxies_a_master_can_be_cut_off_and_is_the_same_afterwards(self):
        with RunningCluster(["redis"], ["--proxied"]) as cluster:
            master = cluster.node("redis-1")
            nodes = cluster.env["CLUSTER_REDIS_NODES"].split(",")
            self.assertNotIn(f"127.0.0.1:{master['port']}", nodes)
            words = ["--no-auth-warning", "--user", "windfall", "-c", "-p", nodes[1].rsplit(":")[1]]
            secret = {"REDISCLI_AUTH": cluster.env["CLUSTER_REDIS_PASSWORD"]}
            self.assertEqual("OK", client("redis-cli", *words, "SET", "{b}", "1", env=secret)[1])  # slot 3300: redis-1
            passed = cluster.net("redis-1", "status")
            self.assertNotIn("up=0 ", passed)  # also what its replica says
            cluster.net("redis-1", "refuse")
            cluster.net("redis-1", "reset")
            self.assertIn("Could not connect", client("redis-cli", *words, "GET", "{b}", env=secret)[1])
            cluster.until(lambda: cluster.node("redis-4")["details"]["link"] == "down", "its replica has lost it, too")
            cluster.net("redis-1", "heal")
            cluster.until_well()
            self.assertEqual("1", client("redis-cli", *words, "GET", "{b}", env=secret)[1])
            self.assertEqual((master["pid"], "master"), tuple(cluster.node("redis-1")[it] for it in ("pid", "role")))

    def test_nodes_die_with_their_supervisor_and_up_starts_them_again(self):
        with RunningCluster(["redis"]) as cluster:
            supervisor = next(pid for pid, command in cluster.processes().items() if "supervisor.py" in command)
            os.kill(supervisor, signal.SIGKILL)
            cluster.until(lambda: cluster.processes() == {}, "nothing runs", seconds=20)
            cluster.up()
            self.assertTrue(cluster.all_well())

    def test_the_cluster_of_a_test_that_is_killed_ends_with_it(self):
        with subprocess.Popen(["sleep", "600"]) as owner:
            self.addCleanup(owner.kill)
            with RunningCluster(["redis"], ["--while", owner.pid]) as cluster:
                self.assertEqual(7, len(cluster.processes()))
                owner.kill()
                cluster.until(lambda: cluster.processes() == {}, "nothing runs", seconds=30)

    def test_removing_the_folder_ends_the_cluster(self):
        with RunningCluster(["redis"]) as cluster:
            pids = set(cluster.processes())
            shutil.rmtree(cluster.data)
            cluster.until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids), "nothing runs", seconds=30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
